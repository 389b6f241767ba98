/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a verdict besides its causes, each in the file of its name: unknown facts, the next
 * step, waits past their budget, ends without a failure. None of them weighs a cause. Private to
 * diagnose.c. */
#pragma once

#include "common/diagnosis/case_analysis.h"
#include "common/diagnosis/knowledge.h"

/* Fills verdict->missing; leaves it empty if the verdict is strong anyway. */
void unknowns_collect(const struct case_analysis *view, struct verdict *verdict);
/* Fills verdict->uncounted. */
void unknowns_uncounted(const struct case_analysis *view, struct verdict *verdict);
/* Adds to verdict->missing the conditions and states that knowledge/factors.txt does not have, each
 * with the nearest that it has. */
void unknowns_warn(const struct case_analysis *view, struct verdict *verdict);

/* Fills verdict->next from the experiments table. `suspicion` has one number for each cause of
 * knowledge_causes, in proportion to how likely it is: prior and evidence together. */
void next_step_choose(const struct case_analysis *view,
	const uint64_t suspicion[static CAUSE_COUNT_MAX], struct verdict *verdict);

/* Fills verdict->silences and verdict->running. */
void silence_collect(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary that a restore is running or hangs; if the summary is empty, that becomes the
 * summary. */
void silence_summarize(struct verdict *verdict);

/* Sets phase and summary of a case without a failure. */
void ending_summarize(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary a failed step of the newest finished restore; the case then counts as one
 * with a failure. */
void ending_add_failed_step(const struct case_analysis *view, struct verdict *verdict);
