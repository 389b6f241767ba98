/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/comparison.h"

#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/factor_values.h"
#include "common/diagnosis/memo.h"

/* A phone is in repair for no longer, as a rule: judgement. */
#define STALE_US (UINT64_C(14) * 24 * 3600 * USEC_PER_SEC)

/* The first factor of a set. */
static size_t first_of(uint64_t factors)
{
	return (size_t)__builtin_ctzll(factors);
}

/* Phase 1 as a set of factors; a table entry may be of no phase, as a label is. */
static uint64_t phase_1(const struct case_analysis *view)
{
	return view->of_phase[PHASE_CONNECTION] | view->of_phase[PHASE_SOFTWARE];
}

static void fill_sets(struct case_analysis *view)
{
	for (size_t f = 0; f < view->factor_count; f++) {
		const char *cause = comparison_cause(view, f);

		view->of_side[view->factors[f].side] |= FACTOR_BIT(f);
		if (view->factors[f].doubt)
			view->of_doubt |= FACTOR_BIT(f);
		for (enum phase phase = PHASE_CONNECTION; phase <= PHASE_HARDWARE; phase++)
			if (word_is(cause, phase_name(phase)))
				view->of_phase[phase] |= FACTOR_BIT(f);
		for (size_t i = 0; i < knowledge_causes_count; i++)
			if (word_is(cause, knowledge_causes[i].word))
				view->of_phase[knowledge_causes[i].phase] |= FACTOR_BIT(f);
	}
}

void comparison_read(struct case_analysis *view)
{
	factor_values_read(view);
	fill_sets(view);
}

/* A phone that starts by itself had no cable, computer or tool to do with. */
static uint64_t comparable(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure)
{
	uint64_t of_phone = view->of_side[FACTOR_PART] | view->of_side[FACTOR_UNNAMED];

	if (only_starts(success->attempt))
		return of_phone;
	if (only_starts(failure->attempt))
		return of_phone | FACTOR_BIT(FACTOR_ID_RESTORED);
	return ~FACTOR_BIT(FACTOR_ID_RESTORED);
}

static bool ended_outside(const struct attempt_view *failure)
{
	return failure->off_link || failure->of_server;
}

/* Drops what changed but explains nothing beside the rest. */
static void drop_companions(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure, struct contrast *contrast)
{
	uint64_t cleared = view->of_side[FACTOR_LINK] | FACTOR_BIT(FACTOR_ID_HOST);
	uint64_t kind = FACTOR_BIT(FACTOR_ID_ACTION);
	uint64_t not_involved = view->of_side[FACTOR_LINK] | view->of_side[FACTOR_PART];

	/* A part that was off has ended nothing. */
	contrast->changed &= ~failure->parts_off;
	for (uint64_t left = contrast->changed; left; left &= left - 1)
		if (contrast->changed & FACTOR_BIT(first_of(left)))
			contrast->changed &= ~view->factors[first_of(left)].brings;
	/* Another computer may have another tool. */
	if (contrast->changed & FACTOR_BIT(FACTOR_ID_HOST))
		contrast->changed |= contrast->doubtful & FACTOR_BIT(FACTOR_ID_TOOL);
	else
		contrast->doubtful &= ~FACTOR_BIT(FACTOR_ID_TOOL);
	/* An update does less than an erase. */
	if (contrast->changed & ~kind && word_is(success->attempt->action, "update") &&
		word_is(failure->attempt->action, "erase"))
		contrast->changed &= ~kind;
	/* What ended at server, file or tool had no link or part to do with. */
	if (ended_outside(failure) && contrast->changed & ~not_involved) {
		contrast->changed &= ~not_involved;
		contrast->doubtful &= ~not_involved;
	}
	if (!(contrast->changed & (view->of_side[FACTOR_PART] | view->of_side[FACTOR_UNNAMED])))
		return;
	if (case_analysis_links_cleared(view)) {
		contrast->changed &= ~cleared;
		contrast->doubtful &= ~cleared;
	}
	/* Beside a change of the phone a label that may hide another one counts as changed. */
	contrast->changed |= contrast->doubtful;
}

uint64_t comparison_changed(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure)
{
	uint64_t left = comparable(view, success, failure) & success->known & failure->known &
			~(success->usual & failure->usual);
	uint64_t changed = 0;

	for (; left; left &= left - 1)
		if (factor_differs(success, failure, first_of(left)))
			changed |= FACTOR_BIT(first_of(left));
	return changed;
}

/* Both were watched without `run`: nobody saw with which tool. */
static bool hides_tool(const struct attempt_view *a, const struct attempt_view *b)
{
	return !a->attempt->tool[0] && !b->attempt->tool[0] && !uuid_is_none(&a->attempt->id) &&
	       !uuid_is_none(&b->attempt->id);
}

static struct contrast contrast_of(const struct case_analysis *view,
	const struct attempt_view *success, const struct attempt_view *failure)
{
	uint64_t compared = comparable(view, success, failure);
	struct contrast contrast = {
		.changed = comparison_changed(view, success, failure),
		.doubtful = compared & view->of_doubt & (success->known ^ failure->known),
	};

	if (hides_tool(success, failure))
		contrast.doubtful |= FACTOR_BIT(FACTOR_ID_TOOL);
	drop_companions(view, success, failure, &contrast);
	return contrast;
}

static int contrast_size(const struct contrast *contrast)
{
	return __builtin_popcountll(contrast->changed | contrast->doubtful);
}

/* Keeps the smallest contrasts: the fewer things differ, the more one of them explains. */
static void keep_contrast(struct attempt_view *success, const struct contrast *contrast)
{
	size_t *count = &success->contrast_count;

	if (*count) {
		int kept = contrast_size(&success->contrasts[0]);

		if (contrast_size(contrast) > kept)
			return;
		if (contrast_size(contrast) < kept)
			*count = 0;
	}
	for (size_t i = 0; i < *count; i++)
		if (success->contrasts[i].changed == contrast->changed &&
			success->contrasts[i].doubtful == contrast->doubtful)
			return;
	if (*count < CASE_ANALYSIS_CONTRASTS_MAX)
		success->contrasts[(*count)++] = *contrast;
}

/* Of contrasts of one size those without doubt tell more. */
static void drop_doubtful(struct attempt_view *success)
{
	size_t sure = 0;

	for (size_t i = 0; i < success->contrast_count; i++)
		if (!success->contrasts[i].doubtful)
			success->contrasts[sure++] = success->contrasts[i];
	if (sure)
		success->contrast_count = sure;
}

/* A phone that worked and came back weeks later may have broken in between. */
static bool is_stale(const struct attempt_view *success, const struct attempt_view *failure)
{
	uint64_t worked = success->attempt->started.wall_us;
	uint64_t failed = failure->attempt->started.wall_us;

	return worked && failed && failed > worked + STALE_US;
}

/* One cause for all failures lies in what differs from each of them. */
static void compare_success(struct case_analysis *view, struct attempt_view *success)
{
	struct contrast common = {.changed = UINT64_MAX};

	for (size_t j = 0; j < view->count; j++) {
		const struct attempt_view *failure = &view->attempts[j];
		struct contrast contrast;

		if ((!failure->failed && !failure->bench_fault) || is_stale(success, failure))
			continue;
		contrast = contrast_of(view, success, failure);
		keep_contrast(success, &contrast);
		common.changed &= contrast.changed | contrast.doubtful;
		common.doubtful |= contrast.doubtful;
	}
	common.doubtful &= common.changed;
	if (success->contrast_count && common.changed && !common.doubtful)
		keep_contrast(success, &common);
	drop_doubtful(success);
}

void comparison_run(struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].succeeded) {
			compare_success(view, &view->attempts[i]);
			for (size_t j = 0; j < view->attempts[i].contrast_count; j++)
				view->changed |= view->attempts[i].contrasts[j].changed;
			view->attempts[i].as_it_is =
				comparison_unchanged(&view->attempts[i]) ||
				comparison_within(&view->attempts[i], phase_1(view));
		}
}

size_t comparison_count(const struct case_analysis *view, size_t factor, attempt_test *test)
{
	const struct attempt_view *seen[CASE_ANALYSIS_ATTEMPTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];
		size_t j = 0;

		if (!factor_is_known(a, factor) || !test(a))
			continue;
		while (j < count && factor_differs(seen[j], a, factor))
			j++;
		if (j == count)
			seen[count++] = a;
	}
	return count;
}

const char *comparison_cause(const struct case_analysis *view, size_t factor)
{
	const struct factor *f = &view->factors[factor];

	return f->otherwise && view->no_face_id ? f->otherwise : f->cause;
}

uint64_t comparison_of_phase(const struct case_analysis *view, enum phase phase)
{
	return view->of_phase[phase];
}

bool comparison_unchanged(const struct attempt_view *success)
{
	for (size_t i = 0; i < success->contrast_count; i++)
		if (!success->contrasts[i].changed && !success->contrasts[i].doubtful)
			return true;
	return false;
}

bool comparison_within(const struct attempt_view *success, uint64_t factors)
{
	for (size_t i = 0; i < success->contrast_count; i++) {
		const struct contrast *contrast = &success->contrasts[i];

		if (contrast->changed && !((contrast->changed | contrast->doubtful) & ~factors))
			return true;
	}
	return false;
}

static bool cured_by(const struct attempt_view *success, size_t factor)
{
	for (size_t i = 0; i < success->contrast_count; i++)
		if (success->contrasts[i].changed == FACTOR_BIT(factor))
			return true;
	return false;
}

static bool changed_in(const struct attempt_view *success, size_t factor)
{
	for (size_t i = 0; i < success->contrast_count; i++)
		if (success->contrasts[i].changed & FACTOR_BIT(factor))
			return true;
	return false;
}

/* And not only because a label is not known. */
static bool changed_for_sure(const struct attempt_view *success, size_t factor)
{
	for (size_t i = 0; i < success->contrast_count; i++)
		if (success->contrasts[i].changed & ~success->contrasts[i].doubtful &
			FACTOR_BIT(factor))
			return true;
	return false;
}

static bool is_state(const struct case_analysis *view, const struct attempt_view *a, size_t factor,
	const char *state)
{
	return word_is(factor_state(a, &view->factors[factor]), state);
}

static bool is_other_part(
	const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	return is_state(view, a, factor, "replaced") || is_state(view, a, factor, "known-good");
}

/* All of the phase that the factor belongs to. */
static uint64_t phase_of(const struct case_analysis *view, size_t factor)
{
	uint64_t outside = phase_1(view);

	return outside & FACTOR_BIT(factor) ? outside : view->of_phase[PHASE_HARDWARE];
}

static bool worked_twice(const struct case_analysis *view, size_t factor)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++)
		count += changed_in(&view->attempts[i], factor) &&
			 comparison_within(&view->attempts[i], phase_of(view, factor));
	return count >= 2;
}

static bool failed_before(const struct case_analysis *view, const struct attempt_view *success,
	size_t factor, const struct attempt_view *again)
{
	for (const struct attempt_view *a = view->attempts; a < success; a++)
		if (a->failed && factor_is_known(a, factor) && !factor_differs(a, again, factor))
			return true;
	return false;
}

/* A part that is back is one of which somebody said so. */
static bool is_put_back(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *a, size_t factor)
{
	bool part = view->factors[factor].side == FACTOR_PART;

	return a->failed && contrast_of(view, success, a).changed == FACTOR_BIT(factor) &&
	       (!part || (!a->link_faulty && factor_state(a, &view->factors[factor]))) &&
	       failed_before(view, success, factor, a);
}

/* The failure after a success with nothing else changed back. */
static const struct attempt_view *put_back(
	const struct case_analysis *view, const struct attempt_view *success, size_t factor)
{
	for (const struct attempt_view *a = success + 1; a < view->attempts + view->count; a++)
		if (is_put_back(view, success, a, factor))
			return a;
	return NULL;
}

static bool is_failure(const struct attempt_view *a)
{
	return a->failed;
}

static bool is_of_group(const struct attempt_view *a)
{
	return a->in_group;
}

/* Another part clears the first one only where that one is known to have failed: else it is merely
 * the part that the phone has. An aftermarket battery clears nothing. */
static bool replaced_clears(
	const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	if (factor == FACTOR_ID_BATTERY && case_has_history(view->c, "third-party-battery"))
		return false;
	return is_state(view, a, factor, "replaced") &&
	       comparison_count(view, factor, is_failure) >= 2;
}

/* A failure clears a part only where the link was not the trouble. */
static bool clears(const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	if (!a->failed || a->link_faulty || view->factors[factor].side != FACTOR_PART)
		return false;
	/* Nobody spoke of it, as of most. */
	if (view->factors[factor].has_usual && a->values[factor][0] == FACTOR_VALUE_USUAL)
		return false;
	return (is_state(view, a, factor, "disconnected") && !view->factors[factor].needed) ||
	       is_state(view, a, factor, "known-good") || replaced_clears(view, a, factor);
}

bool comparison_all_cleared(const struct case_analysis *view)
{
	for (size_t f = 0; f < view->factor_count; f++) {
		const struct factor *factor = &view->factors[f];
		bool cleared = factor->side != FACTOR_PART || word_is(factor->step, "board-shop");

		for (size_t i = 0; i < view->count && !cleared; i++)
			cleared = only_starts(view->attempts[i].attempt) &&
				  clears(view, &view->attempts[i], f);
		if (!cleared)
			return false;
	}
	return true;
}

static bool is_shared(const struct case_analysis *view, size_t factor)
{
	const char *cause = comparison_cause(view, factor);

	for (size_t f = 0; f < view->factor_count; f++)
		if (f != factor && word_is(comparison_cause(view, f), cause ? cause : ""))
			return true;
	return false;
}

/* It worked with this factor unchanged, and with no other changed factor of the same
 * cause. */
static bool is_rival(const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	const char *cause = comparison_cause(view, factor);

	if (!a->contrast_count)
		return false;
	for (size_t f = 0; f < view->factor_count; f++)
		if (changed_in(a, f) &&
			(f == factor || word_is(comparison_cause(view, f), cause ? cause : "")))
			return false;
	return true;
}

/* It worked with this part unchanged, and with other changed parts of another cause. */
static bool stayed(const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	const char *cause = comparison_cause(view, factor);

	if (view->factors[factor].side != FACTOR_PART || !a->contrast_count ||
		!comparison_within(a, view->of_phase[PHASE_HARDWARE]))
		return false;
	for (size_t f = 0; f < view->factor_count; f++)
		if (changed_in(a, f) && (f == factor || word_is(comparison_cause(view, f), cause)))
			return false;
	return true;
}

/* What an attempt shows by itself. */
static bool shows(const struct case_analysis *view, const struct attempt_view *a,
	enum relation relation, size_t factor)
{
	switch (relation) {
	case RELATION_CURED:
		return cured_by(a, factor);
	case RELATION_CURED_TWICE:
		return cured_by(a, factor) && worked_twice(view, factor);
	case RELATION_CURED_OUT:
		return cured_by(a, factor) && is_state(view, a, factor, "disconnected");
	case RELATION_CURED_NEW:
		return cured_by(a, factor) && is_other_part(view, a, factor);
	case RELATION_RETURNS:
		return cured_by(a, factor) && put_back(view, a, factor);
	case RELATION_CHANGED:
		return changed_in(a, factor);
	case RELATION_AMONG:
		return changed_for_sure(a, factor) && !cured_by(a, factor);
	case RELATION_RIVALED:
		return is_rival(view, a, factor);
	case RELATION_STAYED:
		return stayed(view, a, factor);
	case RELATION_TRIED:
		return view->factors[factor].has_usual && a->values[factor][0] > FACTOR_VALUE_USUAL;
	case RELATION_CLEARED:
		return clears(view, a, factor);
	case RELATION_CLEARED_OUT:
		return clears(view, a, factor) && is_state(view, a, factor, "disconnected");
	default:
		return false;
	}
}

/* The only factors for which a relation can hold, as bits. */
static uint64_t candidates(const struct case_analysis *view, enum relation relation)
{
	switch (relation) {
	case RELATION_IS:
	case RELATION_SHARES:
		return UINT64_MAX;
	case RELATION_RIVALED:
	case RELATION_STAYED:
		return view->succeeded_count ? UINT64_MAX : 0;
	case RELATION_TRIED:
	case RELATION_TRIED_TWO:
	case RELATION_FAILED_TWO:
	case RELATION_CLEARED:
	case RELATION_CLEARED_OUT:
		return view->unusual;
	default:
		return view->changed;
	}
}

static bool holds(const struct case_analysis *view, enum relation relation, size_t factor,
	const struct attempt_view **shown)
{
	*shown = NULL;
	if (!(candidates(view, relation) & FACTOR_BIT(factor)))
		return false;
	switch (relation) {
	case RELATION_IS:
		return true;
	case RELATION_SHARES:
		return is_shared(view, factor);
	case RELATION_TRIED_TWO:
		return comparison_count(view, factor, is_failure) >= 2;
	case RELATION_FAILED_TWO:
		return comparison_count(view, factor, is_of_group) >= 2;
	default:
		break;
	}
	for (size_t i = view->count; i > 0 && !*shown; i--)
		if (shows(view, &view->attempts[i - 1], relation, factor))
			*shown = &view->attempts[i - 1];
	return *shown;
}

bool comparison_holds(const struct case_analysis *view, enum relation relation, size_t factor,
	const struct attempt_view **shown)
{
	struct memo *memo = view->memo;

	if (!memo->relations[relation][factor].known) {
		memo->relations[relation][factor].known = true;
		memo->relations[relation][factor].holds =
			holds(view, relation, factor, &memo->relations[relation][factor].shown);
	}
	*shown = memo->relations[relation][factor].shown;
	return memo->relations[relation][factor].holds;
}

/* Whether no later attempt that passes the test has the same value. */
static bool is_newest_of_value(const struct case_analysis *view, const struct attempt_view *a,
	size_t factor, attempt_test *test)
{
	if (!test(a) || !factor_is_known(a, factor))
		return false;
	for (const struct attempt_view *b = a + 1; b < view->attempts + view->count; b++)
		if (test(b) && factor_is_known(b, factor) && !factor_differs(a, b, factor))
			return false;
	return true;
}

/* The failure that followed each cure once it was changed back. */
static void mark_returns(const struct case_analysis *view, size_t factor, bool *marks)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *back =
			cured_by(&view->attempts[i], factor)
				? put_back(view, &view->attempts[i], factor)
				: NULL;

		if (back)
			marks[i] = marks[back - view->attempts] = true;
	}
}

static bool is_marked(const struct case_analysis *view, const struct attempt_view *a,
	enum relation relation, size_t factor)
{
	switch (relation) {
	case RELATION_CURED_TWICE:
		return changed_in(a, factor) && comparison_within(a, phase_of(view, factor));
	case RELATION_TRIED_TWO:
		return is_newest_of_value(view, a, factor, is_failure);
	case RELATION_FAILED_TWO:
		return is_newest_of_value(view, a, factor, is_of_group);
	default:
		return shows(view, a, relation, factor);
	}
}

void comparison_mark(const struct case_analysis *view, enum relation relation, size_t factor,
	bool marks[static CASE_ANALYSIS_ATTEMPTS_MAX])
{
	const struct attempt_view *shown;

	if (!comparison_holds(view, relation, factor, &shown))
		return;
	if (relation == RELATION_RETURNS) {
		mark_returns(view, factor, marks);
		return;
	}
	for (size_t i = 0; i < view->count; i++)
		marks[i] |= is_marked(view, &view->attempts[i], relation, factor);
}

/* Another computer is of both halves of Phase 1: it has other ports and other software. */
static bool is_of_one_half(const struct case_analysis *view, uint64_t changed, enum phase phase)
{
	return !(changed & ~(view->of_phase[phase] | FACTOR_BIT(FACTOR_ID_HOST)));
}

static bool changed_together(
	const struct case_analysis *view, const struct attempt_view *a, enum phase phase, bool half)
{
	uint64_t side = phase == PHASE_HARDWARE ? view->of_phase[phase] : phase_1(view);

	for (size_t i = 0; i < a->contrast_count; i++) {
		uint64_t changed = a->contrasts[i].changed;

		if (__builtin_popcountll(changed) >= 2 && !(changed & ~side) &&
			changed & view->of_phase[phase] &&
			(!half || is_of_one_half(view, changed, phase)))
			return true;
	}
	return false;
}

bool comparison_changed_together(
	const struct case_analysis *view, const struct attempt_view *a, enum phase phase)
{
	return changed_together(view, a, phase, false);
}

size_t comparison_together(
	const struct case_analysis *view, enum phase phase, const struct attempt_view **shown)
{
	size_t count = 0, halves = 0;

	*shown = NULL;
	for (size_t i = 0; i < view->count; i++) {
		if (!changed_together(view, &view->attempts[i], phase, false))
			continue;
		count++;
		halves += changed_together(view, &view->attempts[i], phase, true);
		*shown = &view->attempts[i];
	}
	return count && halves < 2 ? 1 : count;
}
