/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/cure.h"

#include <stdio.h>
#include <string.h>

#include "common/model/factor.h"

#define CHANGES_SHOWN_SIZE 200 /* bytes of the changes in the summary, with the NUL */

/* A part that nobody spoke of is as it came. */
static bool is_usual(const char *value)
{
	return !value || word_is(value, "connected") || word_is(value, "original") ||
	       word_is(value, "false");
}

static void add_change(struct cure *cure, const char *before, const char *text, const char *after)
{
	struct works_since *since = &cure->works_since;

	if (since->change_count == VERDICT_CHANGES_MAX)
		return;
	snprintf(since->changes[since->change_count++], sizeof(since->changes[0]), "%s%s%.60s%s%s",
		before, *before ? " " : "", text, *after ? " " : "", after);
}

/* A label that both attempts have. */
static void compare_labels(struct cure *cure, const char *name, const char *now, const char *before)
{
	if (now && before && *now && *before && !text_equal(now, before))
		add_change(cure, name, now, "");
}

/* "known-good battery", but "battery replaced". */
static void add_part(struct cure *cure, const struct factor *factor, const char *state)
{
	bool adjective = word_is(state, "known-good") || word_is(state, "third-party");
	bool off = word_is(state, "disconnected");
	bool of_board = factor->step && text_equal(factor->step, "board-shop");

	cure->parts_off |= off;
	cure->parts_replaced |= !off && !is_usual(state) && !of_board;
	cure->board_on_trial |= of_board && word_is(state, "known-good");
	add_change(cure, adjective ? state : "", factor->name, adjective ? "" : state);
}

static void compare_condition(
	struct cure *cure, const char *key, const char *now, const char *before)
{
	const struct factor *factor = factor_by_key(key);

	if (word_is(key, "minimalBoot")) {
		if (is_usual(now) == is_usual(before))
			return;
		cure->parts_off |= !is_usual(now);
		add_change(cure, "", is_usual(now) ? "all parts connected" : "minimal boot", "");
	} else if (factor && factor->side == FACTOR_LABEL) {
		return;
	} else if (factor && factor->side == FACTOR_PART) {
		if (!(is_usual(now) && is_usual(before)) && !(now && word_is(before, now)))
			add_part(cure, factor, now ? now : "connected");
	} else if (factor && !factor->has_usual) {
		compare_labels(cure, factor->name, now, before);
	} else if (!word_is(now, before ? before : "") && (now || before)) {
		add_change(cure, factor ? factor->name : key, now ? now : "as usual", "");
	}
}

static bool has_known_key(const struct attempt *attempt, const char *key)
{
	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return true;
	return false;
}

static bool only_starts(const struct attempt *attempt)
{
	return word_is(attempt->action, "boot");
}

/* Of a phone that only had to start, its own parts alone can have made the difference. */
static bool is_of_restore(const char *key)
{
	const struct factor *factor = factor_by_key(key);

	return factor && factor->side != FACTOR_PART && !word_is(key, "minimalBoot");
}

static void compare_conditions(
	struct cure *cure, const struct attempt *now, const struct attempt *before)
{
	for (size_t i = 0; i < now->condition_count; i++) {
		const char *key = now->conditions[i].key;

		if (!only_starts(now) || !is_of_restore(key))
			compare_condition(cure, key, attempt_condition(now, key),
				attempt_condition(before, key));
	}
	for (size_t i = 0; i < before->condition_count; i++) {
		const char *key = before->conditions[i].key;

		if (!has_known_key(now, key) && (!only_starts(now) || !is_of_restore(key)))
			compare_condition(cure, key, NULL, attempt_condition(before, key));
	}
}

static void compare_action(
	struct cure *cure, const struct attempt *now, const struct attempt *before)
{
	if (text_equal(now->action, before->action) || !now->action[0])
		return;
	if (!before->action[0] && !word_is(now->action, "erase"))
		return;
	add_change(cure, word_is(now->action, "erase") ? "an" : "a", now->action, "");
}

static void compare_restores(
	struct cure *cure, const struct attempt *now, const struct attempt *before)
{
	bool build = now->firmware_build[0] && before->firmware_build[0];

	compare_labels(cure, "computer", now->host, before->host);
	if (text_equal(now->tool, before->tool))
		compare_labels(cure, now->tool, now->version, before->version);
	else
		compare_labels(cure, "restore tool", now->tool, before->tool);
	compare_labels(cure, "firmware", build ? now->firmware_build : now->firmware,
		build ? before->firmware_build : before->firmware);
	if (!attempt_condition(now, "port"))
		compare_labels(cure, "port", now->port, before->port);
	compare_action(cure, now, before);
}

static void compare(struct cure *cure, const struct attempt *now, const struct attempt *before)
{
	if (!only_starts(now))
		compare_restores(cure, now, before);
	compare_conditions(cure, now, before);
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
		compare(ret, ret->since->attempt, a->attempt);
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
	char changes[CHANGES_SHOWN_SIZE], cause[sizeof(verdict->summary)];
	struct cure cure;
	size_t used;

	if (!cure_find(view, &cure))
		return;
	verdict->works_since = cure.works_since;
	join_changes(&cure.works_since, changes, sizeof(changes));
	text_copy(cause, sizeof(cause),
		verdict->phase == PHASE_UNDECIDED ? "What the fault was is not certain."
						  : verdict->summary);
	snprintf(verdict->summary, sizeof(verdict->summary), "It works since attempt %zu%s%s%s ",
		cure.works_since.attempt, *changes ? " (" : "; no change is known", changes,
		*changes ? ")." : ".");
	used = strlen(verdict->summary);
	text_copy(verdict->summary + used, sizeof(verdict->summary) - used, cause);
}
