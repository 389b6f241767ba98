/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/factor_values.h"

#define NUMBERS_MAX 4 /* limit of attempts that a sentence lists by number */
#define NUMBERS_SIZE 80
#define WARNINGS_MAX 3 /* words that are warned of */
#define LINKS_NEEDED 2 /* computers and cables that a failure must survive: procedure.md */

typedef bool attempt_lacks(const struct attempt_view *a);

static bool is_restore(const struct attempt_view *a)
{
	return (a->failed || a->succeeded) && !only_starts(a->attempt);
}

static bool lacks_cable(const struct attempt_view *a)
{
	return is_restore(a) && !a->off_link && !a->values[FACTOR_ID_CABLE][0];
}

static bool lacks_computer(const struct attempt_view *a)
{
	return is_restore(a) && !a->values[FACTOR_ID_HOST][0];
}

static bool lacks_point(const struct attempt_view *a)
{
	return a->failed && is_restore(a) && !a->attempt->operation && !a->attempt->checkpoint &&
	       !a->phone_code && !a->code && !a->attempt->stage;
}

static bool lacks_link(const struct attempt_view *a)
{
	return is_restore(a) && a->in_group && !a->link_faulty && !a->link_known;
}

/* A success without a certain difference from a failure: the label would show one. */
static bool is_doubtful(const struct case_analysis *view, size_t factor)
{
	for (size_t i = 0; i < view->count; i++)
		for (size_t j = 0; j < view->attempts[i].contrast_count; j++)
			if (view->attempts[i].contrasts[j].doubtful & FACTOR_BIT(factor))
				return true;
	return false;
}

static bool cables_decide(const struct case_analysis *view)
{
	return view->succeeded_count ? is_doubtful(view, FACTOR_ID_CABLE)
				     : view->clean_cables < LINKS_NEEDED;
}

static bool computers_decide(const struct case_analysis *view)
{
	return view->succeeded_count ? is_doubtful(view, FACTOR_ID_HOST)
				     : view->clean_computers < LINKS_NEEDED;
}

/* It failed on enough computers and cables, but possibly not at the same point. */
static bool points_decide(const struct case_analysis *view)
{
	return view->tried_cables >= LINKS_NEEDED && view->tried_computers >= LINKS_NEEDED &&
	       (cables_decide(view) || computers_decide(view));
}

static bool links_decide(const struct case_analysis *view)
{
	return view->clean_cables >= LINKS_NEEDED && view->clean_computers >= LINKS_NEEDED &&
	       (view->proven_computers < LINKS_NEEDED || view->proven_cables < LINKS_NEEDED);
}

static const struct {
	attempt_lacks *lacks;
	bool (*decides)(const struct case_analysis
			*view);	    /* whether the fact could strengthen the verdict */
	const char *before, *after; /* for the attempts */
} gaps[] = {
	{lacks_cable, cables_decide, "The cable of ",
		" is unknown: label the cables and record which one was used (attempt --session), "
		"so that a different "
		"cable counts as different."},
	{lacks_computer, computers_decide, "The computer of ",
		" is unknown: record it (attempt --session), so that a different computer counts "
		"as different."},
	{lacks_point, points_decide, "Where ",
		" failed is unknown: record the error number or the last step (attempt --session), "
		"so that the same "
		"failure is recognised."},
	{lacks_link, links_decide, "How good the link was in ",
		" is unknown: the same failure in a watched restore, or in an imported log, is "
		"better evidence."},
};

/* "attempt 2", "attempts 1, 2 and 5", "attempts 1, 2, 3, 4 and 9 others"; false for none. */
static bool list_attempts(
	const struct case_analysis *view, attempt_lacks *lacks, char out[static NUMBERS_SIZE])
{
	size_t count = 0, told = 0, used;

	for (size_t i = 0; i < view->count; i++)
		count += lacks(&view->attempts[i]);
	used = (size_t)snprintf(out, NUMBERS_SIZE, "attempt%s", count == 1 ? "" : "s");
	for (size_t i = 0; i < view->count && told < NUMBERS_MAX; i++) {
		const char *before = " ";

		if (!lacks(&view->attempts[i]))
			continue;
		if (told)
			before = told + 1 == count ? " and " : ", ";
		used += (size_t)snprintf(out + used, NUMBERS_SIZE - used, "%s%zu", before,
			view->attempts[i].index + 1);
		told++;
	}
	if (count > told)
		snprintf(out + used, NUMBERS_SIZE - used, " and %zu other%s", count - told,
			count - told == 1 ? "" : "s");
	return count > 0;
}

static void add_unknown(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_unknown(struct verdict *verdict, const char *format, ...)
{
	va_list arguments;

	assert(verdict->missing_count < VERDICT_MISSING_MAX);
	va_start(arguments, format);
	vsnprintf(verdict->missing[verdict->missing_count++], sizeof(verdict->missing[0]), format,
		arguments);
	va_end(arguments);
}

static void warn_of_key(const char *key, struct verdict *verdict)
{
	const char *nearest = factor_nearest_key(key);

	add_unknown(verdict, "%s is not a known condition%s%s%s", key,
		nearest ? "; did you mean "
			: ": it counts as a change, and what it points at is not known.",
		nearest ? nearest : "", nearest ? "?" : "");
}

static const char *unknown_value(const struct case_analysis *view, size_t f)
{
	const struct factor *factor = &view->factors[f];

	for (size_t i = 0; i < view->count && view->told & FACTOR_BIT(f); i++) {
		const char *value = attempt_condition(view->attempts[i].attempt, factor->key);

		if (value && !factor_takes(factor, value))
			return value;
	}
	return NULL;
}

static void warn_of_value(const struct factor *factor, const char *value, struct verdict *verdict)
{
	const char *nearest = factor_nearest_value(factor, value);

	add_unknown(verdict, "%s is not a known state of the %s%s%s%s", value, factor->name,
		nearest ? "; did you mean " : ".", nearest ? nearest : "", nearest ? "?" : "");
}

static bool has_later_log(const struct attempt_view *a)
{
	return attempt_sign(a->attempt, SIGN_LATER_LOG) != NULL;
}

static void warn_of_logs(const struct case_analysis *view, struct verdict *verdict)
{
	char numbers[NUMBERS_SIZE];

	if (list_attempts(view, has_later_log, numbers))
		add_unknown(verdict,
			"The tool's log of %s is newer than this program: many of its lines begin "
			"in an unknown form, and this verdict lacks what they say. Update "
			"idevicetriage.",
			numbers);
}

void unknowns_warn(const struct case_analysis *view, struct verdict *verdict)
{
	size_t warned = 0;

	warn_of_logs(view, verdict);
	for (size_t f = 0; f < view->factor_count; f++) {
		const struct factor *factor = &view->factors[f];
		const char *value = unknown_value(view, f);

		if (factor->side != FACTOR_UNNAMED && !value)
			continue;
		if (++warned > WARNINGS_MAX)
			continue;
		if (value)
			warn_of_value(factor, value, verdict);
		else
			warn_of_key(factor->key, verdict);
	}
	if (warned > WARNINGS_MAX)
		add_unknown(verdict, "Other conditions are not known either.");
}

static bool never_began(const struct attempt_view *a)
{
	return a->attempt->outcome == OUTCOME_NOT_STARTED;
}

static bool ran_beside_another(const struct attempt_view *a)
{
	return a->concurrent;
}

static const struct {
	attempt_lacks *is;
	const char *after; /* for the attempts */
} no_evidence[] = {
	{never_began, " never began: no evidence about the phone."},
	{ran_beside_another,
		" ran at the same time as another restore of this phone: together they count as "
		"one. Let one tool at a time work on a phone."},
};

void unknowns_uncounted(const struct case_analysis *view, struct verdict *verdict)
{
	size_t others = 0;

	for (size_t i = 0; i < view->count; i++)
		others += !never_began(&view->attempts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no_evidence) && others > 0; i++) {
		char numbers[NUMBERS_SIZE], *out = verdict->uncounted[verdict->uncounted_count];

		if (!list_attempts(view, no_evidence[i].is, numbers))
			continue;
		snprintf(out, sizeof(verdict->uncounted[0]), "A%s%s", numbers + 1,
			no_evidence[i].after);
		verdict->uncounted_count++;
	}
}

void unknowns_collect(const struct case_analysis *view, struct verdict *verdict)
{
	if (verdict->phase != PHASE_UNDECIDED && verdict->strength >= STRENGTH_STRONG)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		char numbers[NUMBERS_SIZE];

		if (!gaps[i].decides(view) || !list_attempts(view, gaps[i].lacks, numbers))
			continue;
		add_unknown(verdict, "%s%s%s", gaps[i].before, numbers, gaps[i].after);
	}
}
