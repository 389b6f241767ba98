/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ends of attempts say beside failures: that a tool never began, that nobody knows how a
 * restore ended, that one finished with a failed step. Does not weigh causes. */
#pragma once

#include "common/diagnosis/case_analysis.h"
#include "common/diagnosis/verdict.h"

/* Sets phase and summary of a case without a failure. */
void ending_summarize(const struct case_analysis *view, struct verdict *verdict);
/* Adds to the summary a step that failed in the newest restore that finished; then the case is not
 * one without a failure. */
void ending_add_failed_step(const struct case_analysis *view, struct verdict *verdict);
