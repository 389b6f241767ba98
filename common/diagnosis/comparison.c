/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/comparison.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/knowledge.h"

#define VALUE_USUAL 1 /* of a factor that nobody spoke of and that has a usual value */
#define VALUE_SIZE 64

/* Phase 1 as a set of factors; a table entry may be of no phase, as a label is. */
static uint64_t phase_1(const struct case_analysis *view)
{
	return view->of_phase[PHASE_CONNECTION] | view->of_phase[PHASE_SOFTWARE];
}

static uint64_t of_side(const struct case_analysis *view, enum factor_side side)
{
	uint64_t bits = 0;

	for (size_t f = 0; f < view->factor_count; f++)
		if (view->factors[f].side == side)
			bits |= FACTOR_BIT(f);
	return bits;
}

/* --- The values of an attempt ------------------------------------------------------------------
 */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* FNV-1a, in either case; 0 is for unknown. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	if (!text || !*text)
		return 0;
	for (; *text; text++)
		hash = (hash ^ (uint8_t)lower(*text)) * UINT64_C(1099511628211);
	return hash | 2; /* never VALUE_USUAL */
}

/* Where git says of which commit a build is: "-gb05d50c" in "1.0.0-229-gb05d50c". 0 = nowhere. */
static size_t commit_length(const char *text)
{
	size_t digits;

	if (!text_starts_with(text, "-g"))
		return 0;
	digits = strspn(text + 2, "0123456789abcdef");
	return digits >= 4 ? 2 + digits : 0;
}

/* A version without its commit, which the number of commits before it tells too, and without the
 * libraries in brackets, which are compared by themselves. */
static const char *core_version(const char *version, char out[static VALUE_SIZE])
{
	const char *libraries = strstr(version, "(lib");
	size_t used = 0;

	while (*version && version != libraries && used + 1 < VALUE_SIZE) {
		size_t skipped = commit_length(version);

		if (skipped)
			version += skipped;
		else
			out[used++] = *version++;
	}
	while (used && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return out;
}

static const char *hub_depth(const struct attempt *attempt, char out[static VALUE_SIZE])
{
	if (!attempt->health.hub_depth_known)
		return NULL;
	snprintf(out, VALUE_SIZE, "%u", (unsigned)attempt->health.hub_depth);
	return out;
}

/* Only trying to start the phone is no kind of restore. */
static bool is_start(const struct attempt *attempt)
{
	return word_is(attempt->action, "boot");
}

/* What an attempt itself knows; NULL where it knows nothing of that name. */
static const char *known_of(
	const struct attempt *attempt, const char *name, char buffer[static VALUE_SIZE])
{
	if (word_is(name, "host"))
		return attempt->host;
	if (word_is(name, "port"))
		return attempt->port;
	if (word_is(name, "hubDepth"))
		return hub_depth(attempt, buffer);
	if (word_is(name, "tool"))
		return attempt->tool;
	if (word_is(name, "version"))
		return core_version(attempt->version, buffer);
	if (word_is(name, "libraries"))
		return strstr(attempt->version, "(lib");
	if (word_is(name, "firmware"))
		return attempt->firmware;
	if (word_is(name, "build"))
		return attempt->firmware_build;
	if (word_is(name, "action"))
		return is_start(attempt) ? NULL : attempt->action;
	if (word_is(name, "restored"))
		return is_start(attempt) ? "no" : "yes";
	return NULL;
}

/* A person's word for the firmware is its build. */
static const char *condition_of(const struct attempt *attempt, const char *name)
{
	if (word_is(name, "firmware"))
		return NULL;
	return attempt_condition(attempt, word_is(name, "build") ? "firmware" : name);
}

static bool is_minimal(const struct attempt *attempt)
{
	return word_is(attempt_condition(attempt, "minimalBoot"), "true");
}

const char *comparison_state(const struct attempt_view *a, const struct factor *factor)
{
	const char *told = attempt_condition(a->attempt, factor->key);

	if (!told && factor->minimal_off && is_minimal(a->attempt))
		return "disconnected";
	return told;
}

/* What an attempt itself knows goes before what was reported. */
static const char *text_of(
	const struct attempt *attempt, const char *name, char buffer[static VALUE_SIZE])
{
	const char *known = known_of(attempt, name, buffer);

	return known && *known ? known : condition_of(attempt, name);
}

static uint64_t read_value(
	const struct attempt_view *a, const struct factor *factor, const char *name)
{
	char buffer[VALUE_SIZE];
	const char *text = factor->side == FACTOR_PART ? comparison_state(a, factor)
						       : text_of(a->attempt, name, buffer);

	if (factor->has_usual && (!text || word_is(text, "connected") || word_is(text, "original")))
		return VALUE_USUAL;
	return hash_text(text);
}

static size_t find_factor(const struct case_analysis *view, const char *key)
{
	for (size_t f = 0; f < view->factor_count; f++)
		if (word_is(view->factors[f].key, key))
			return f;
	return CASE_FACTORS_MAX;
}

/* A condition that the table does not have is a factor of its own, of no side. */
static void add_unnamed(struct case_analysis *view, const char *key)
{
	view->unnamed_count++;
	if (view->factor_count == CASE_FACTORS_MAX)
		return;
	view->factors[view->factor_count++] = (struct factor){
		.key = key, .name = key, .reads = {key}, .side = FACTOR_UNNAMED, .has_usual = true};
}

static void collect_factors(struct case_analysis *view)
{
	const struct factor *table = factor_all(&view->factor_count);

	assert(view->factor_count < CASE_FACTORS_MAX);
	memcpy(view->factors, table, view->factor_count * sizeof(*table));
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt *attempt = view->attempts[i].attempt;

		for (size_t j = 0; j < attempt->condition_count; j++)
			if (find_factor(view, attempt->conditions[j].key) == CASE_FACTORS_MAX)
				add_unnamed(view, attempt->conditions[j].key);
	}
}

/* What is left of an attempt's conditions where there are too many factors: one for all. */
static uint64_t read_rest(const struct case_analysis *view, const struct attempt_view *a)
{
	uint64_t rest = 0;

	for (size_t j = 0; j < a->attempt->condition_count; j++) {
		const struct condition *condition = &a->attempt->conditions[j];

		if (find_factor(view, condition->key) == CASE_FACTORS_MAX)
			rest += hash_text(condition->key) * 31 + hash_text(condition->value);
	}
	return rest;
}

static void fill_phases(struct case_analysis *view)
{
	for (size_t f = 0; f < view->factor_count; f++) {
		const char *cause = comparison_cause(view, f);

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
	collect_factors(view);
	fill_phases(view);
	for (size_t i = 0; i < view->count; i++) {
		struct attempt_view *a = &view->attempts[i];

		for (size_t f = 0; f < view->factor_count; f++)
			for (size_t k = 0; k < FACTOR_READS_MAX && view->factors[f].reads[k]; k++)
				a->values[f][k] =
					read_value(a, &view->factors[f], view->factors[f].reads[k]);
		a->values[CASE_FACTORS_MAX - 1][0] += read_rest(view, a);
	}
}

/* --- What differs -------------------------------------------------------------------------------
 */

static bool is_known(const struct attempt_view *a, size_t factor)
{
	const uint64_t *values = a->values[factor];

	return values[0] || values[1] || values[2];
}

/* Whether one of its values is known of both and not the same. */
static bool differs(const struct attempt_view *a, const struct attempt_view *b, size_t factor)
{
	for (size_t k = 0; k < FACTOR_READS_MAX; k++) {
		uint64_t x = a->values[factor][k], y = b->values[factor][k];

		if (x && y && x != y)
			return true;
	}
	return false;
}

/* A phone that starts by itself had no cable, computer or tool to do with. */
static uint64_t comparable(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure)
{
	uint64_t of_phone = of_side(view, FACTOR_PART) | of_side(view, FACTOR_UNNAMED);

	if (is_start(success->attempt))
		return of_phone;
	if (is_start(failure->attempt))
		return of_phone | FACTOR_BIT(FACTOR_ID_RESTORED);
	return ~FACTOR_BIT(FACTOR_ID_RESTORED);
}

/* The same failure on two computers and two cables clears what lies before the phone. */
static bool links_are_cleared(const struct case_analysis *view)
{
	return view->clean_computers >= 2 && view->clean_cables >= 2;
}

/* Parts that the failure ran without: a part that is off has ended nothing, but one that the phone
 * needs. */
static uint64_t parts_off(const struct case_analysis *view, const struct attempt_view *failure)
{
	uint64_t off = 0;

	for (size_t f = 0; f < view->factor_count; f++)
		if (view->factors[f].side == FACTOR_PART && !view->factors[f].needed &&
			word_is(comparison_state(failure, &view->factors[f]), "disconnected"))
			off |= FACTOR_BIT(f);
	return off;
}

static bool ended_outside(const struct attempt_view *failure)
{
	return failure->off_link || outside_is_server(failure->code, failure->phone_code);
}

/* Drops what changed but explains nothing beside the rest. */
static void drop_companions(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure, struct contrast *contrast)
{
	uint64_t cleared = of_side(view, FACTOR_LINK) | FACTOR_BIT(FACTOR_ID_HOST);
	uint64_t kind = FACTOR_BIT(FACTOR_ID_ACTION);
	uint64_t not_involved = of_side(view, FACTOR_LINK) | of_side(view, FACTOR_PART);

	contrast->changed &= ~parts_off(view, failure);
	for (size_t f = 0; f < view->factor_count; f++)
		if (contrast->changed & FACTOR_BIT(f))
			contrast->changed &= ~view->factors[f].brings;
	/* An update does less than an erase. */
	if (contrast->changed & ~kind && word_is(success->attempt->action, "update") &&
		word_is(failure->attempt->action, "erase"))
		contrast->changed &= ~kind;
	/* What ended at server, file or tool had no link or part to do with. */
	if (ended_outside(failure) && contrast->changed & ~not_involved) {
		contrast->changed &= ~not_involved;
		contrast->doubtful &= ~not_involved;
	}
	if (!(contrast->changed & (of_side(view, FACTOR_PART) | of_side(view, FACTOR_UNNAMED))))
		return;
	if (links_are_cleared(view)) {
		contrast->changed &= ~cleared;
		contrast->doubtful &= ~cleared;
	}
	/* Beside a change of the phone a label that may hide another one counts as changed. */
	contrast->changed |= contrast->doubtful;
}

uint64_t comparison_changed(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *failure)
{
	uint64_t compared = comparable(view, success, failure), changed = 0;

	for (size_t f = 0; f < view->factor_count; f++)
		if (compared & FACTOR_BIT(f) && differs(success, failure, f))
			changed |= FACTOR_BIT(f);
	return changed;
}

static struct contrast contrast_of(const struct case_analysis *view,
	const struct attempt_view *success, const struct attempt_view *failure)
{
	uint64_t compared = comparable(view, success, failure);
	struct contrast contrast = {.changed = comparison_changed(view, success, failure)};

	for (size_t f = 0; f < view->factor_count; f++)
		if (compared & FACTOR_BIT(f) && view->factors[f].doubt &&
			is_known(success, f) != is_known(failure, f))
			contrast.doubtful |= FACTOR_BIT(f);
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

/* One cause for all failures lies in what differs from each of them. */
static void compare_success(struct case_analysis *view, struct attempt_view *success)
{
	struct contrast common = {.changed = UINT64_MAX};

	for (size_t j = 0; j < view->count; j++) {
		const struct attempt_view *failure = &view->attempts[j];
		struct contrast contrast;

		if (!failure->failed && !failure->bench_fault)
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
			view->attempts[i].as_it_is =
				comparison_unchanged(&view->attempts[i]) ||
				comparison_within(&view->attempts[i], phase_1(view));
		}
}

/* --- What that shows ----------------------------------------------------------------------------
 */

size_t comparison_count(const struct case_analysis *view, size_t factor, attempt_test *test)
{
	const struct attempt_view *seen[CASE_ANALYSIS_ATTEMPTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];
		size_t j = 0;

		if (!is_known(a, factor) || !test(a))
			continue;
		while (j < count && differs(seen[j], a, factor))
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

static bool is_state(const struct case_analysis *view, const struct attempt_view *a, size_t factor,
	const char *state)
{
	return word_is(comparison_state(a, &view->factors[factor]), state);
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
		if (a->failed && is_known(a, factor) && !differs(a, again, factor))
			return true;
	return false;
}

/* A part that is back is one of which somebody said so. */
static bool is_put_back(const struct case_analysis *view, const struct attempt_view *success,
	const struct attempt_view *a, size_t factor)
{
	bool part = view->factors[factor].side == FACTOR_PART;

	return a->failed && contrast_of(view, success, a).changed == FACTOR_BIT(factor) &&
	       (!part || (!a->link_faulty && comparison_state(a, &view->factors[factor]))) &&
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
	return (is_state(view, a, factor, "disconnected") && !view->factors[factor].needed) ||
	       is_state(view, a, factor, "known-good") || replaced_clears(view, a, factor);
}

bool comparison_all_cleared(const struct case_analysis *view)
{
	for (size_t f = 0; f < view->factor_count; f++) {
		const struct factor *factor = &view->factors[f];
		bool cleared = factor->side != FACTOR_PART || word_is(factor->step, "board-shop");

		for (size_t i = 0; i < view->count && !cleared; i++)
			cleared = is_start(view->attempts[i].attempt) &&
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

/* It worked with this factor as it was, once another one alone was changed that points elsewhere.
 */
static bool is_rival(const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	const char *cause = comparison_cause(view, factor);

	if (changed_in(a, factor))
		return false;
	for (size_t f = 0; f < view->factor_count; f++)
		if (cured_by(a, f) && !word_is(comparison_cause(view, f), cause ? cause : ""))
			return true;
	return false;
}

/* It worked with this part as it was, and other parts changed that point elsewhere. */
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
		return changed_in(a, factor) && !cured_by(a, factor);
	case RELATION_RIVALED:
		return is_rival(view, a, factor);
	case RELATION_STAYED:
		return stayed(view, a, factor);
	case RELATION_TRIED:
		return view->factors[factor].has_usual && a->values[factor][0] > VALUE_USUAL;
	case RELATION_CLEARED:
		return clears(view, a, factor);
	case RELATION_CLEARED_OUT:
		return clears(view, a, factor) && is_state(view, a, factor, "disconnected");
	default:
		return false;
	}
}

bool comparison_holds(const struct case_analysis *view, enum relation relation, size_t factor,
	const struct attempt_view **shown)
{
	*shown = NULL;
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

/* Whether no later attempt that passes the test has the same value. */
static bool is_newest_of_value(const struct case_analysis *view, const struct attempt_view *a,
	size_t factor, attempt_test *test)
{
	if (!test(a) || !is_known(a, factor))
		return false;
	for (const struct attempt_view *b = a + 1; b < view->attempts + view->count; b++)
		if (test(b) && is_known(b, factor) && !differs(a, b, factor))
			return false;
	return true;
}

static bool is_failure_after_cure(
	const struct case_analysis *view, const struct attempt_view *a, size_t factor)
{
	for (const struct attempt_view *success = view->attempts; success < a; success++)
		if (cured_by(success, factor) && put_back(view, success, factor) == a)
			return true;
	return false;
}

bool comparison_shown_by(const struct case_analysis *view, enum relation relation, size_t factor,
	const struct attempt_view *a)
{
	switch (relation) {
	case RELATION_CURED_TWICE:
		return changed_in(a, factor) && comparison_within(a, phase_of(view, factor));
	case RELATION_RETURNS:
		return shows(view, a, relation, factor) || is_failure_after_cure(view, a, factor);
	case RELATION_TRIED_TWO:
		return is_newest_of_value(view, a, factor, is_failure);
	case RELATION_FAILED_TWO:
		return is_newest_of_value(view, a, factor, is_of_group);
	default:
		return shows(view, a, relation, factor);
	}
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

/* --- How it reads -------------------------------------------------------------------------------
 */

static void describe_part(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const char *state = comparison_state(a, factor);

	if (word_is(state, "replaced"))
		snprintf(out, size, "another %s", factor->name);
	else if (word_is(state, "known-good") || word_is(state, "third-party"))
		snprintf(out, size, "a %s %s", state, factor->name);
	else if (!state || word_is(state, "original") || word_is(state, "connected"))
		snprintf(out, size, "the %s as it was", factor->name);
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
			is_minimal(a->attempt) &&
			!attempt_condition(a->attempt, view->factors[f].key))
			off |= FACTOR_BIT(f);
	return off;
}

static void name_part(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	const char *state = comparison_state(a, factor);

	if (word_is(state, "known-good") || word_is(state, "third-party"))
		snprintf(out, size, "%s %s", state, factor->name);
	else
		snprintf(out, size, "%s %s", factor->name, state ? state : "connected");
}

static void name_label(
	const struct attempt_view *a, const struct factor *factor, char *out, size_t size)
{
	char buffer[VALUE_SIZE] = "";
	const char *value = NULL;

	for (size_t k = 0; k < FACTOR_READS_MAX && factor->reads[k] && (!value || !*value); k++)
		value = text_of(a->attempt, factor->reads[k], buffer);
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
		char text[VALUE_SIZE + CONDITION_KEY_SIZE + CONDITION_VALUE_SIZE];

		if (!(factors & FACTOR_BIT(f)))
			continue;
		describe_one(a, &view->factors[f], text, sizeof(text));
		join(out, size, text, --left);
	}
	if (off)
		join(out, size, "all but battery, charge port and screen disconnected", 0);
	if (!out[0])
		text_copy(out, size, "nothing known changed");
}
