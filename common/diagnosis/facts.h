/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Evaluates the conditions of rules and experiments for a case and finds the records that show
 * them. It weighs nothing. */
#pragma once

#include "common/diagnosis/knowledge.h"
#include "common/diagnosis/case_analysis.h"

/* The evidence of a match. */
struct trace {
	uint64_t records[VERDICT_RECORDS_MAX];
	struct uuid sessions[VERDICT_RECORDS_MAX]; /* the session of each record */
	size_t record_count;
	size_t attempt; /* index in the case of the last one; SIZE_MAX = the case as a whole */
	size_t matches; /* failed attempts that show it; 1 for the case as a whole */
	const struct attempt_view *shown_by; /* the last attempt that shows it; may be NULL */
};

#define NO_FACTOR SIZE_MAX

/* Whether all terms of a rule hold: facts for the case, the others for one and the same failed
 * attempt. `factor` is the one that the rule is tried for, or NO_FACTOR. Fills *trace if they do.
 */
bool terms_match(const struct case_analysis *view, const struct term *terms, size_t count,
	size_t factor, struct trace *trace);
/* Whether any of an experiment's terms holds, or (all = true) all of them; they may refer to the
 * verdict so far. */
bool terms_hold_for_verdict(const struct case_analysis *view, const struct verdict *verdict,
	const struct term *terms, size_t count, bool all);
