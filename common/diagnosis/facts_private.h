/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of the facts in knowledge/facts.txt, by topic: facts_attempts.c, facts_link.c,
 * facts_software.c, facts_phone.c. Private to facts*.c; weighs nothing. */
#pragma once

#include "common/knowledge/fact_ids.h"
#include "common/diagnosis/comparison.h"

/* Each returns whether its fact is true for the case; facts.txt explains the facts. */
#define FACT_DECLARATION(id, function) bool function(const struct case_analysis *view);
FACT_FUNCTIONS(FACT_DECLARATION)
#undef FACT_DECLARATION

/* The same failure on at least two computers and with at least two cables, without a known link
 * fault. */
bool fails_on_all_links(const struct case_analysis *view);

/* Whether a failed attempt that counts passes the test. */
static inline bool any_failure(const struct case_analysis *view, attempt_test *test)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].failed && test(&view->attempts[i]))
			return true;
	return false;
}

static inline bool has_condition(const struct attempt_view *a, const char *key, const char *value)
{
	return word_is(attempt_condition(a->attempt, key), value);
}
