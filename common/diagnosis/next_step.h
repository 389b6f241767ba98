/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which experiment to do next: the one whose tested causes are most suspect for its minutes and
 * risk. Does not change what the verdict says of causes. */
#pragma once

#include "common/diagnosis/knowledge.h"
#include "common/diagnosis/case_analysis.h"

/* Fills verdict->next from the experiments table. `suspicion` has one number for each cause of
 * knowledge_causes, in proportion to how likely it is: prior and evidence together. */
void next_step_choose(const struct case_analysis *view,
	const uint64_t suspicion[static CAUSE_COUNT_MAX], struct verdict *verdict);
