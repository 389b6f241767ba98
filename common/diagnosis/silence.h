/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the waits of a case say: which ran over their budgets, and whether a restore runs or hangs
 * now. Does not weigh causes. */
#pragma once

#include "common/diagnosis/verdict.h"
#include "common/diagnosis/case_analysis.h"

/* Fills verdict->silences and verdict->running. */
void silence_collect(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary that a restore runs or hangs; only that where the summary is empty. */
void silence_summarize(struct verdict *verdict);
