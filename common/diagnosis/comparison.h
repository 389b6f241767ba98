/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The comparison of attempts: one logic, that of a controlled experiment, for every factor of
 * knowledge/factors.txt and every condition that it does not have. Says what changed and whether
 * that cured; weighs nothing. */
#pragma once

#include "common/diagnosis/case_analysis.h"
#include "common/diagnosis/knowledge.h"

/* Fills view->factors and the values of its attempts. */
void comparison_read(struct case_analysis *view);
/* Fills the contrasts of its successes. */
void comparison_run(struct case_analysis *view);

typedef bool attempt_test(const struct attempt_view *a);

/* Different values of a factor that are known of the attempts that pass the test. */
size_t comparison_count(const struct case_analysis *view, size_t factor, attempt_test *test);
/* The cause that a factor points at on this model: a word of causes.txt, a phase, or NULL. */
const char *comparison_cause(const struct case_analysis *view, size_t factor);
/* The factors that point at causes of a phase, as bits. */
uint64_t comparison_of_phase(const struct case_analysis *view, enum phase phase);
/* Whether nothing differs between a success and a failure, as far as is known. */
bool comparison_unchanged(const struct attempt_view *success);
/* Whether something differs between a success and a failure, and all of it is among `factors`. */
bool comparison_within(const struct attempt_view *success, uint64_t factors);
/* Whether it holds; *shown is the last attempt that shows it, NULL for the case as a whole. */
bool comparison_holds(const struct case_analysis *view, enum relation relation, size_t factor,
	const struct attempt_view **shown);
/* Marks the attempts that show a relation that holds, by their index in view->attempts. */
void comparison_mark(const struct case_analysis *view, enum relation relation, size_t factor,
	bool marks[static CASE_ANALYSIS_ATTEMPTS_MAX]);
/* Successes for which several factors changed, all within Phase 1 or all within Phase 2, and one of
 * them of this phase; *shown is the last one. At most one where both halves of Phase 1 changed. */
size_t comparison_together(
	const struct case_analysis *view, enum phase phase, const struct attempt_view **shown);
/* Whether the attempt is one of these successes. */
bool comparison_changed_together(
	const struct case_analysis *view, const struct attempt_view *a, enum phase phase);

/* All that is known to differ between a success and a failure, as bits. */
uint64_t comparison_changed(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure);
/* Of `factors` the parts that only a minimal boot of the attempt takes off, as bits. */
uint64_t comparison_minimal(
	const struct case_analysis *view, const struct attempt_view *a, uint64_t factors);
/* A factor with its value in an attempt: "cable B", "battery replaced", "an erase". */
void comparison_name(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size);
/* Whether it failed to start by itself with each part cleared but those of the board. */
bool comparison_all_cleared(const struct case_analysis *view);
/* How a change reads after "It worked with": "another cable and the earpiece flex disconnected".
 * `factors` is a set of those that changed in the attempt. */
void comparison_describe(const struct case_analysis *view, const struct attempt_view *a,
	uint64_t factors, char *out, size_t size);
