/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The diagnosis's view of a case: which attempts count, the conditions of each, where they failed,
 * and the differences between failures and successes. It compares; it does not diagnose. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/knowledge/factor_ids.h"
#include "common/model/case.h"
#include "common/model/factor.h"
#include "common/diagnosis/code.h"
#include "common/diagnosis/verdict.h"

#define CASE_ANALYSIS_ATTEMPTS_MAX 256 /* the newest ones of a case that are used */
#define CASE_ANALYSIS_CONTRASTS_MAX 6  /* different ones stored for a success */

#define CASE_SIGNS_MAX 128  /* different ones that are remembered */
#define CASE_FACTORS_MAX 64 /* bits of a set of factors; the last one also stands for the rest */
#define FACTOR_BIT(f) (UINT64_C(1) << (f))

enum point_match { POINT_UNKNOWN = 0, POINT_SAME = 1, POINT_DIFFERENT = 2 };

/* The differences between a success and a failure that may explain it, as bits of factors. A label
 * known in only one of them is doubtful: it may hide a change. */
struct contrast {
	uint64_t changed;
	uint64_t doubtful;
};

/* One attempt. A value is a hash of its text; 0 = unknown. */
struct attempt_view {
	const struct attempt *attempt;
	size_t index; /* in the case */
	bool failed;  /* and not spoiled by the bench */
	bool running; /* not over yet */
	bool succeeded;
	bool bench_fault;
	bool concurrent; /* ran at the same time as another one of the phone, which counts for both
			  */
	bool link_faulty;
	bool link_known;       /* its quality is known, or it is known to have held */
	bool outside;	       /* its end has an external cause: see external_cause.h */
	bool off_link;	       /* its end has such a cause by its log, and the link held */
	bool volume;	       /* an update that ended because of a full or damaged data volume */
	bool says_nothing;     /* only a number is known about its end, and it says nothing */
	bool unheard;	       /* only its modes are known: every failed restore ends like that */
	bool in_group;	       /* failed at the same point as most */
	int64_t code;	       /* iTunes code, derived or reported; 0 = unknown */
	int64_t code_evidence; /* the same if it says more than the phone's mode */
	int64_t phone_code;    /* AMR code of the phone, seen or reported; 0 = unknown */
	bool of_server;	       /* one of its numbers is of the signing server */
	enum says says;	       /* what that number, or else `code`, says */
	uint64_t signs_say;    /* what its signs say, as bits of enum says */
	uint64_t values[CASE_FACTORS_MAX][FACTOR_READS_MAX];
	/* Factors, as bits: those with a value, and of these the ones that have the usual value. */
	uint64_t known, usual;
	uint64_t parts_off; /* parts that it ran without, but those that the phone needs */
	/* For a success: the differences from the most similar failures; none if nothing failed. */
	struct contrast contrasts[CASE_ANALYSIS_CONTRASTS_MAX];
	size_t contrast_count;
	bool as_it_is; /* a success that a change outside the phone, or none, explains */
};

/* A sign that some attempts show, and what it says, as bits. */
struct case_sign {
	const char *id;
	uint64_t says;
};

struct memo;

struct case_analysis {
	const struct triage_case *c;
	struct memo *memo; /* owned */
	/* What is compared: the factors of the table by their numbers, then the conditions that the
	 * table does not have. */
	struct factor factors[CASE_FACTORS_MAX];
	size_t factor_count;
	size_t unnamed_count;			/* conditions that the table does not have */
	uint64_t of_phase[PHASE_UNDECIDED + 1]; /* factors of a phase's causes, as bits */
	uint64_t of_side[FACTOR_UNNAMED + 1];	/* factors of a side; likewise */
	uint64_t of_doubt;			/* a value known in only one attempt is a doubt */
	uint64_t told;	  /* factors that a condition of an attempt names; likewise */
	uint64_t unusual; /* factors with a value that is not the usual one; likewise */
	uint64_t changed; /* in the contrasts of its successes; likewise */
	struct case_sign signs[CASE_SIGNS_MAX];
	size_t sign_count;
	struct attempt_view *attempts; /* oldest first, without those that were taken back */
	bool timed;		       /* the time of each is known, and they are in that order */
	size_t count;
	size_t failed_count;
	size_t succeeded_count;
	size_t bench_fault_count;
	bool varying;		/* two failures are known to have different points */
	size_t tried_computers; /* different ones known in failures, at any point */
	size_t tried_cables;
	size_t group_count;
	size_t computers; /* different ones in the group; likewise the others */
	size_t cables;
	size_t tools;
	size_t clean_computers; /* the same for attempts that the phone's parts can have ended: no
				   known link fault, no external cause, no full data volume, no
				   number that says nothing */
	size_t clean_cables;
	size_t proven_computers; /* the same for attempts whose link is known to have held */
	size_t proven_cables;
	int released;	 /* month of the model, such as 201909; 0 = unknown */
	uint32_t lacks;	 /* hardware that it is known not to have: enum hardware */
	bool face_id;	 /* its earpiece flex, with the front sensors, can fail a restore */
	bool no_face_id; /* it is known to have no Face ID sensor assembly */
};

/* Analyses a case. Returns 0, or -ENOMEM with *ret untouched. The case must outlive *ret; free it
 * with case_analysis_free(). */
int case_analysis_new(const struct triage_case *c, struct case_analysis **ret);
struct case_analysis *case_analysis_free(struct case_analysis *view);
DEFINE_FREEP(struct case_analysis, case_analysis_free)

/* The last failed attempt that counts, or the last one spoiled by the bench; NULL if nothing
 * failed. */
const struct attempt_view *case_analysis_last_failure(const struct case_analysis *view);
/* Whether the tool's log shows that the connection broke before the phone's final status. */
bool case_analysis_log_lost_link(const struct attempt_view *a);
/* False if no attempt shows the sign. */
bool case_analysis_may_show(const struct case_analysis *view, const char *sign);
bool case_has_history(const struct triage_case *c, const char *word);

/* Whether the phone's parts can be the cause of a failure, as far as known. */
bool case_analysis_is_clean(const struct attempt_view *a);
/* Whether it failed the same way on two computers and with two cables, without a known link fault:
 * what lies before the phone is cleared. */
bool case_analysis_links_cleared(const struct case_analysis *view);

/* Whether a sign of the attempt has this word. */
static inline bool attempt_says(const struct attempt_view *a, enum says says)
{
	return a->signs_say & SAYS_BIT(says);
}

/* Whether a word, which may be NULL, is `expected`. */
static inline bool word_is(const char *word, const char *expected)
{
	return word && text_equal(word, expected);
}
