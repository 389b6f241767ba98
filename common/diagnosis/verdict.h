/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The diagnosis of a case: phase, causes with their evidence, next step. This is the engine that
 * weighs the rules of knowledge/, and its result. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/model/case.h"

#define VERDICT_CAUSES_MAX 24
#define VERDICT_FINDINGS_MAX 12 /* for a cause, and as many against it */
#define VERDICT_OUTCOMES_MAX 4
#define VERDICT_ADVICE_MAX 8
#define VERDICT_RECORDS_MAX 4
#define VERDICT_MISSING_MAX 9
#define VERDICT_SILENCES_MAX 8
#define VERDICT_UNCOUNTED_MAX 3
#define VERDICT_CHANGES_MAX 6
#define VERDICT_SUMMARY_SIZE 512

enum phase {
	PHASE_NONE = 0, /* no failure seen */
	PHASE_CONNECTION = 1,
	PHASE_SOFTWARE = 2,
	PHASE_HARDWARE = 3,
	PHASE_UNDECIDED = 4,
};

/* Whether a restore of the phone is running. */
enum running {
	RUNNING_NONE = 0,
	RUNNING_ON_TIME = 1,
	RUNNING_HUNG = 2, /* its current wait is past its budget */
};

enum strength {
	STRENGTH_NONE = 0,
	STRENGTH_WEAK = 1,
	STRENGTH_MODERATE = 2,
	STRENGTH_STRONG = 3,
	STRENGTH_CONCLUSIVE = 4,
};

/* A rule with the facts that matched it. Strings without arrays live in the const tables. */
struct finding {
	const char *rule;
	const char *source;		       /* the source of the rule */
	char text[256];			       /* one sentence with the facts of this case */
	int weight;			       /* positive for the cause, negative against it */
	uint64_t records[VERDICT_RECORDS_MAX]; /* sequences in the ring */
	/* The session of each record: imported attempts have sequences of their own. */
	struct uuid sessions[VERDICT_RECORDS_MAX];
	size_t record_count;
	size_t attempt; /* index in the case, from 0; SIZE_MAX = the case as a whole */
};

struct suspect {
	const char *cause; /* word of the case files: cable, earpiece-flex… */
	const char *title; /* for people */
	enum phase phase;  /* the phase of this cause */
	enum strength strength;
	int weight;
	const char *untested; /* its missing test: "another cable"; may be NULL */
	struct finding evidence[VERDICT_FINDINGS_MAX];
	size_t evidence_count;
	struct finding counter_evidence[VERDICT_FINDINGS_MAX];
	size_t counter_evidence_count;
};

struct next_step {
	const char *experiment; /* word: swap-cable…; NULL = nothing left to try */
	const char *title;	/* "use another cable" */
	char text[512];
	struct {
		const char *condition;
		const char *conclusion;
	} outcomes[VERDICT_OUTCOMES_MAX];
	size_t outcome_count;
};

/* A phone that works again. */
struct works_since {
	size_t attempt; /* of the case, from 1: its first success; 0 = it does not work */
	char changes[VERDICT_CHANGES_MAX][96]; /* from the last failure: "display replaced" */
	size_t change_count;
	char fault[VERDICT_SUMMARY_SIZE]; /* what was the matter until then */
};

struct verdict {
	enum phase phase;
	enum strength strength;
	char summary[VERDICT_SUMMARY_SIZE];
	enum running running;
	struct works_since works_since;
	int64_t itunes_code;			   /* of the last failed attempt; 0 = none */
	struct suspect causes[VERDICT_CAUSES_MAX]; /* most suspect first */
	size_t cause_count;
	/* Waits past their budgets in attempts that did not succeed, newest first. No rule weighs
	 * them; `rule` is the budget. */
	struct finding silences[VERDICT_SILENCES_MAX];
	size_t silence_count;
	struct next_step next;
	const char *advice[VERDICT_ADVICE_MAX];
	size_t advice_count;
	/* Attempts that are no evidence about the phone, and why. Sentences like the next ones. */
	char uncounted[VERDICT_UNCOUNTED_MAX][256];
	size_t uncounted_count;
	/* Unknown facts that would strengthen the verdict: labels of cables and computers, the
	 * state of links. Sentences that number attempts from 1. */
	char missing[VERDICT_MISSING_MAX][256];
	size_t missing_count;
};

/* Diagnoses a case. The same case gives the same verdict. Returns 0, or -ENOMEM with *ret
 * untouched. *ret owns no memory; its const strings are static. */
int diagnose(const struct triage_case *c, struct verdict *ret);

/* The word of the API; NULL for RUNNING_NONE. */
const char *running_name(enum running running);
const char *phase_name(enum phase phase);
/* For people: "Phase 1 (connection)". */
const char *phase_title(enum phase phase);
const char *strength_name(enum strength strength);
/* The reverse; STRENGTH_NONE for an unknown word. */
enum strength strength_from_name(const char *name);
/* Whether such a first suspect (NULL = none) casts doubt on a port of the computer or its hub, and
 * so on the next phone there: at least moderate. */
bool casts_doubt_on_port(const char *cause, enum strength strength);
