/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/comparison.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/factor_values.h"

static void describe_part(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const char *state = factor_state(a, factor);

	if (word_is(state, "replaced"))
		snprintf(out, size, "another %s", factor->name);
	else if (word_is(state, "known-good") || word_is(state, "third-party"))
		snprintf(out, size, "a %s %s", state, factor->name);
	else if (!state || word_is(state, "original"))
		snprintf(out, size, "the original %s", factor->name);
	else
		snprintf(out, size, "the %s %s", factor->name, state);
}

static void describe_one(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const char *told = attempt_condition(a->attempt, factor->key);

	if (factor->side == FACTOR_PART)
		describe_part(a, factor, out, size);
	else if (factor->side == FACTOR_UNNAMED)
		snprintf(out, size, "%s=%s", factor->key, told ? told : "unknown");
	else if (factor->change)
		text_copy(out, size, factor->change);
	else
		snprintf(out, size, "another %s", factor->name);
}

uint64_t comparison_minimal(
	const struct case_analysis *view, const struct attempt_view *a, uint64_t factors)
{
	uint64_t off = 0;

	for (size_t f = 0; f < view->factor_count; f++)
		if (view->factors[f].minimal_off && factors & FACTOR_BIT(f) &&
			only_minimal(a->attempt) &&
			!attempt_condition(a->attempt, view->factors[f].key))
			off |= FACTOR_BIT(f);
	return off;
}

static void name_part(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const char *state = factor_state(a, factor);

	if (word_is(state, "known-good") || word_is(state, "third-party"))
		snprintf(out, size, "%s %s", state, factor->name);
	else
		snprintf(out, size, "%s %s", factor->name, state ? state : "connected");
}

static void name_label(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	char buffer[FACTOR_VALUE_SIZE] = "";
	const char *value = NULL;

	for (size_t k = 0; k < FACTOR_READS_MAX && factor->reads[k] && (!value || !*value); k++)
		value = factor_text(a->attempt, factor->reads[k], buffer);
	snprintf(out, size, "%s %s", factor->name, value && *value ? value : "as usual");
}

void comparison_name(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const struct attempt *attempt = a->attempt;

	if (factor->side == FACTOR_PART)
		name_part(a, factor, out, size);
	else if (factor->side == FACTOR_ACTION)
		snprintf(out, size, "%s %s",
			word_is(attempt->action, "erase") || word_is(attempt->action, "update")
				? "an"
				: "a",
			attempt->action[0] ? attempt->action : "restore");
	else if (factor->side == FACTOR_TOOL)
		snprintf(out, size, "%s%s%s", attempt->tool, attempt->version[0] ? " " : "",
			attempt->version);
	else
		name_label(a, factor, out, size);
}

/* Whether it counts as changed because a label of one of the attempts is not known. */
static bool is_doubtful(const struct attempt_view *a, size_t factor)
{
	for (size_t i = 0; i < a->contrast_count; i++)
		if (a->contrasts[i].doubtful & FACTOR_BIT(factor))
			return true;
	return false;
}

static void join(char *out, size_t size, const char *text, size_t left)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%s", !used ? "" : left ? ", " : " and ", text);
}

void comparison_describe(const struct case_analysis *view, const struct attempt_view *a,
	uint64_t factors, char *out, size_t size)
{
	uint64_t off = comparison_minimal(view, a, factors);
	size_t left;

	factors &= ~off;
	left = (size_t)__builtin_popcountll(factors) + (off != 0);
	out[0] = '\0';
	for (size_t f = 0; f < view->factor_count; f++) {
		char text[FACTOR_VALUE_SIZE + CONDITION_KEY_SIZE + CONDITION_VALUE_SIZE];
		size_t used = 0;

		if (!(factors & FACTOR_BIT(f)))
			continue;
		if (is_doubtful(a, f))
			used = (size_t)snprintf(text, sizeof(text), "perhaps ");
		describe_one(a, &view->factors[f], text + used, sizeof(text) - used);
		join(out, size, text, --left);
	}
	if (off)
		join(out, size, "all but battery, charge port and screen disconnected", 0);
	if (!out[0])
		text_copy(out, size, "nothing known changed");
}
