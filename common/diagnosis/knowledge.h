/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables that the build generates from the text files of knowledge/: facts, causes, advice,
 * experiments and rules. No logic; those files explain the words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/diagnosis/verdict.h"

#define CAUSE_NONE SIZE_MAX
#define CAUSE_COUNT_MAX VERDICT_CAUSES_MAX
#define EXPERIMENT_WAYS_MAX 6

struct cause_info {
	const char *word;
	const char *title;
	enum phase phase;
	uint32_t needs; /* enum hardware: a device that lacks one of these has no such part */
	int prior;	/* suspicion before any evidence, 0 to 9: only orders experiments */
	const char *means;
	const char *advice[2];
	const char *source;
};

struct phase_advice {
	enum phase phase; /* PHASE_NONE = of a phone that works again */
	const char *advice[4];
	const char *source;
};

/* What a factor may have to do with a case. */
enum relation {
	RELATION_IS,	      /* it is that factor */
	RELATION_CURED,	      /* it worked with another value of it, and nothing else changed */
	RELATION_CURED_TWICE, /* and it worked twice or more with changes of its phase */
	RELATION_CURED_OUT,   /* cured, with the part disconnected */
	RELATION_CURED_NEW,   /* cured, with another part */
	RELATION_RETURNS,     /* cured, and put back it failed again */
	RELATION_CHANGED,     /* it worked with another value of it, whatever else changed */
	RELATION_AMONG,	      /* it worked with another value of it, and something else changed */
	RELATION_RIVALED,     /* it worked with this one as it was, too */
	RELATION_STAYED,      /* it worked with the part as it was, and other parts changed */
	RELATION_TRIED,	      /* some attempt ran with the part in another state */
	RELATION_TRIED_TWO,   /* it failed with two values of it or more */
	RELATION_FAILED_TWO,  /* it failed at the same point with two values of it or more */
	RELATION_CLEARED, /* it failed with the part disconnected, or with one that counts as good
			   */
	RELATION_CLEARED_OUT, /* it failed with the part disconnected */
	RELATION_SHARES,      /* other factors point at the same cause */
	RELATION_COUNT
};

enum term_kind {
	TERM_FACT,     /* of the case: facts.txt */
	TERM_FACTOR,   /* what the comparison of attempts says of factors */
	TERM_TOGETHER, /* several factors of a phase changed together */
	/* Of one failed attempt, up to TERM_OLDER_THAN: facts.c relies on it. */
	TERM_SIGN,
	TERM_USB,
	TERM_OPERATION,
	TERM_CHECKPOINT,
	TERM_AMR,
	TERM_ITUNES,
	TERM_TOOL,
	TERM_CAME_BACK,
	TERM_STAGE,
	TERM_ENTRY,
	TERM_ACTION,
	TERM_CONDITION,
	TERM_OLDER_THAN,
	/* Of the case. */
	TERM_HISTORY,
	/* Of the verdict so far: for experiments. */
	TERM_VERDICT,
	TERM_SUSPECT,
};

/* One condition: any of its values, or, if negated, none of them. */
struct term {
	enum term_kind kind;
	bool negated;
	int fact; /* enum fact_id */
	enum relation relation;
	uint64_t factors; /* as bits: any of them */
	bool each;	  /* the factor that the rule is tried for */
	enum phase phase;
	size_t times; /* that it must have happened, at least */
	const char *const *words;
	const int64_t *numbers;
	size_t count;
};

/* What a rule speaks of. */
enum rule_about {
	ABOUT_CAUSE,
	ABOUT_PHASE,
	/* The rule is tried for each factor. */
	ABOUT_FACTOR,	    /* the cause that it points at */
	ABOUT_FACTOR_PHASE, /* the phase of that cause */
};

/* Speaks for or against one cause or a phase. */
struct rule {
	const char *id;
	enum rule_about about;
	size_t cause; /* index in knowledge_causes */
	enum phase phase;
	int weight;
	int repeat_weight; /* if at least two failed attempts show it */
	bool opens;	   /* one attempt is enough for Phase 2 */
	bool bench;	   /* about other phones: shown, with no weight */
	uint32_t needs;	   /* enum hardware */
	bool untested;	   /* its text names a missing test: not evidence */
	const struct term *when;
	size_t when_count;
	const char *text;
	const char *source;
};

/* Terms that must all hold; a count of 0 ends a list of alternatives. */
struct terms {
	const struct term *terms;
	size_t count;
};

/* Whether an experiment is for a phone that works again. */
enum cured { CURED_NEVER, CURED_ALSO, CURED_ONLY };

/* How an experiment is seen to be done: experiments.txt. */
enum done {
	DONE_BY_HAND,
	DONE_NOTHING,
	DONE_ASKED,
	DONE_ELSEWHERE,
	DONE_REPLUGGED,
	DONE_PORT,
	DONE_DIRECT,
	DONE_RECOVERY,
	DONE_DFU,
	DONE_MODE_CHANGE,
	DONE_ALONE,
	DONE_USBMUXD,
};

/* What it changes in the command of the last attempt. */
enum command_change {
	COMMAND_SAME,
	COMMAND_WORKED,
	COMMAND_TOOL,
	COMMAND_FIRMWARE,
	COMMAND_UPDATE,
	COMMAND_DEBUG,
};

struct experiment {
	const char *word;
	const char *title;
	unsigned minutes;
	unsigned risk; /* 0 none … 5 opens the phone … 9 erases the data */
	enum cured cured;
	uint32_t needs;				/* enum hardware */
	bool last;				/* only if there is no other */
	uint32_t tests;				/* bit set of causes */
	struct terms when[EXPERIMENT_WAYS_MAX]; /* alternatives */
	const struct term *unless;
	size_t unless_count;
	struct terms first[EXPERIMENT_WAYS_MAX]; /* alternatives: it precedes all others */
	const char *text;
	enum done done;
	const char *sets_key;	/* a condition of the next attempt; NULL = none */
	const char *sets_value; /* NULL = a label, to be asked for */
	enum command_change command;
	struct {
		const char *condition;
		const char *conclusion;
	} outcomes[VERDICT_OUTCOMES_MAX];
	size_t outcome_count;
	const char *source;
};

/* The remedy if a tool showed a sign and never began; one sentence. */
struct remedy {
	const char *sign;
	const char *text;
};

extern const struct cause_info knowledge_causes[];
extern const size_t knowledge_causes_count;
extern const struct phase_advice knowledge_advice[];
extern const size_t knowledge_advice_count;
extern const struct experiment knowledge_experiments[];
extern const size_t knowledge_experiments_count;
extern const struct rule knowledge_rules[];
extern const size_t knowledge_rules_count;
extern const struct remedy knowledge_remedies[];
extern const size_t knowledge_remedies_count;
