/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was found out of a case during its diagnosis: many rules ask the same of all attempts. It
 * holds answers only, so it may be filled for a constant analysis. */
#pragma once

#include "common/diagnosis/comparison.h"
#include "common/knowledge/fact_ids.h"

struct memo {
	struct {
		bool known;
		attempt_test *test; /* NULL = the fact is not true */
	} facts[FACT_COUNT];
	struct {
		bool known;
		bool holds;
		const struct attempt_view *shown;
	} relations[RELATION_COUNT][CASE_FACTORS_MAX];
};
