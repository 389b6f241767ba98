/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of the facts in knowledge/facts.txt, by topic: facts_attempts.c, facts_link.c,
 * facts_software.c, facts_phone.c. Private to facts*.c; weighs nothing. */
#pragma once

#include "common/knowledge/fact_ids.h"
#include "common/diagnosis/comparison.h"

/* Each returns the test that the attempts pass which show its fact, or NULL if the fact is not true
 * for the case; facts.txt explains the facts. */
#define FACT_DECLARATION(id, function) attempt_test *function(const struct case_analysis *view);
FACT_FUNCTIONS(FACT_DECLARATION)
#undef FACT_DECLARATION

/* The tests of facts that no attempt shows (of the model or of what people reported), that the
 * failures show, and that successes show. */
bool shown_by_none(const struct attempt_view *a);
bool shown_by_failures(const struct attempt_view *a);
bool shown_by_successes(const struct attempt_view *a);
/* Whether a fact with that test speaks of successes; all others speak of failures. */
bool is_about_successes(attempt_test *test);

static inline attempt_test *shown_if(bool is_true, attempt_test *test)
{
	return is_true ? test : NULL;
}

/* The test, if a failed attempt that counts passes it. */
static inline attempt_test *any_failure(const struct case_analysis *view, attempt_test *test)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].failed && test(&view->attempts[i]))
			return test;
	return NULL;
}

static inline bool has_condition(const struct attempt_view *a, const char *key, const char *value)
{
	return word_is(attempt_condition(a->attempt, key), value);
}
