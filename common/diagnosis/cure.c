/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/cure.h"

#include <stdio.h>
#include <string.h>

#include "common/diagnosis/comparison.h"
#include "common/diagnosis/factor_values.h"

#define CHANGES_SHOWN_SIZE 200 /* bytes of the changes in the summary, with the NUL */

static void add_change(struct cure *cure, const char *text)
{
	struct works_since *since = &cure->works_since;

	if (since->change_count < VERDICT_CHANGES_MAX)
		text_copy(since->changes[since->change_count++], sizeof(since->changes[0]), text);
}

static void note_part(struct cure *cure, const struct factor *factor)
{
	const char *state = factor_state(cure->since, factor);
	bool off = word_is(state, "disconnected");
	bool of_board = text_equal(factor->step, "board-shop");
	bool first = !state || word_is(state, "connected") || word_is(state, "original");

	cure->parts_off |= off;
	cure->parts_replaced |= !off && !first && !of_board;
	cure->board_on_trial |= of_board && word_is(state, "known-good");
}

static void compare(
	const struct case_analysis *view, struct cure *cure, const struct attempt_view *failure)
{
	uint64_t changed = comparison_changed(view, cure->since, failure);
	uint64_t off = comparison_minimal(view, cure->since, changed);
	uint64_t on = comparison_minimal(view, failure, changed);

	if (off)
		add_change(cure, "minimal boot");
	if (on)
		add_change(cure, "all parts connected");
	for (size_t f = 0; f < view->factor_count; f++) {
		char text[sizeof(cure->works_since.changes[0])];

		if (!(changed & FACTOR_BIT(f)))
			continue;
		if (view->factors[f].side == FACTOR_PART)
			note_part(cure, &view->factors[f]);
		if ((off | on) & FACTOR_BIT(f))
			continue;
		comparison_name(cure->since, &view->factors[f], text, sizeof(text));
		add_change(cure, text);
	}
}

static bool has_failed(const struct attempt_view *a)
{
	return a->failed || a->bench_fault;
}

/* A step of a restore that finished may have failed. */
static bool works(const struct attempt_view *a)
{
	return a->succeeded && a->attempt->failed_step_count == 0;
}

bool cure_find(const struct case_analysis *view, struct cure *ret)
{
	*ret = (struct cure){0};
	for (size_t i = view->count; i > 0; i--) {
		const struct attempt_view *a = &view->attempts[i - 1];

		if (a->attempt->outcome == OUTCOME_NOT_STARTED)
			continue;
		if (works(a)) {
			ret->since = a;
			ret->last = ret->last ? ret->last : a;
			ret->successes++;
			continue;
		}
		if (!ret->since || !has_failed(a))
			return false;
		ret->works_since.attempt = ret->since->index + 1;
		compare(view, ret, a);
		return true;
	}
	return false;
}

/* "display replaced, cable B"; "more" where they do not all fit. */
static void join_changes(const struct works_since *since, char *out, size_t size)
{
	size_t length = 0;

	*out = '\0';
	for (size_t i = 0; i < since->change_count; i++) {
		const char *change = since->changes[i];

		if (length + strlen(change) + strlen(", more") >= size)
			change = "more";
		length += (size_t)snprintf(
			out + length, size - length, "%s%s", i ? ", " : "", change);
		if (change != since->changes[i])
			return;
	}
}

void cure_summarize(const struct case_analysis *view, struct verdict *verdict)
{
	char changes[CHANGES_SHOWN_SIZE], *fault = verdict->works_since.fault;
	struct cure cure;
	size_t used;

	if (!cure_find(view, &cure))
		return;
	verdict->works_since = cure.works_since;
	join_changes(&cure.works_since, changes, sizeof(changes));
	text_copy(fault, sizeof(verdict->works_since.fault),
		verdict->phase == PHASE_UNDECIDED ? "What the fault was is not certain."
						  : verdict->summary);
	snprintf(verdict->summary, sizeof(verdict->summary),
		"It has worked since attempt %zu%s%s%s ", cure.works_since.attempt,
		*changes ? " (" : "; no change is known", changes, *changes ? ")." : ".");
	used = strlen(verdict->summary);
	text_copy(verdict->summary + used, sizeof(verdict->summary) - used, fault);
}
