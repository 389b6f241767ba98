/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a verdict beside its causes, each in the file of its name: what is not known, the
 * next step, the waits that ran over, the ends that are no failures. None of them weighs a cause.
 * For diagnose.c alone. */
#pragma once

#include "common/diagnosis/case_analysis.h"
#include "common/diagnosis/knowledge.h"

/* Fills verdict->missing; leaves it empty where a verdict is strong without. */
void unknowns_collect(const struct case_analysis *view, struct verdict *verdict);

/* Fills verdict->next from the experiments table. `suspicion` has one number for each cause of
 * knowledge_causes, in proportion to how likely it is: prior and evidence together. */
void next_step_choose(const struct case_analysis *view,
	const uint64_t suspicion[static CAUSE_COUNT_MAX], struct verdict *verdict);

/* Fills verdict->silences and verdict->running. */
void silence_collect(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary that a restore runs or hangs; only that where the summary is empty. */
void silence_summarize(struct verdict *verdict);

/* Sets phase and summary of a case without a failure. */
void ending_summarize(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary a step that failed in the newest restore that finished; then the case is not
 * one without a failure. */
void ending_add_failed_step(const struct case_analysis *view, struct verdict *verdict);
