/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of the facts in knowledge/facts.txt, by topic: facts_attempts.c, facts_link.c,
 * facts_software.c, facts_phone.c. Private to facts*.c; weighs nothing. */
#pragma once

#include "common/knowledge/fact_ids.h"
#include "common/diagnosis/case_analysis.h"

#define CABLE VARIABLE_BIT(VARIABLE_CABLE)
#define PORT VARIABLE_BIT(VARIABLE_PORT)
#define HOST VARIABLE_BIT(VARIABLE_HOST)
#define TOOL VARIABLE_BIT(VARIABLE_TOOL)
#define HOST_SOFTWARE VARIABLE_BIT(VARIABLE_HOST_SOFTWARE)
#define FIRMWARE VARIABLE_BIT(VARIABLE_FIRMWARE)
#define ACTION VARIABLE_BIT(VARIABLE_ACTION)
#define FLEX VARIABLE_BIT(VARIABLE_FLEX)

/* Each returns whether its fact is true for the case; facts.txt explains the facts. */
#define FACT_DECLARATION(id, function) bool function(const struct case_analysis *view);
FACT_FUNCTIONS(FACT_DECLARATION)
#undef FACT_DECLARATION

/* The same failure on at least two computers and with at least two cables, without a known link
 * fault. */
bool fails_on_all_links(const struct case_analysis *view);

typedef bool attempt_test(const struct attempt_view *a);

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
