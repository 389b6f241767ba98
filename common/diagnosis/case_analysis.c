/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/case_analysis.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/phone_model.h"
#include "common/diagnosis/comparison.h"
#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/factor_values.h"
#include "common/diagnosis/memo.h"
#include "common/diagnosis/sign_says.h"

#define PERCENT_APART 1 /* of two failures at one point: tools round */

static int64_t reported_code_of(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->error_count; i++)
		if (word_is(attempt->errors[i].domain, "itunes") ||
			word_is(attempt->errors[i].domain, "tss"))
			return attempt->errors[i].code;
	return 0;
}

static int64_t itunes_code_of(const struct attempt *attempt)
{
	return attempt->itunes_code ? attempt->itunes_code : reported_code_of(attempt);
}

/* A number derived from the mode in which the phone returned is no evidence in addition to that
 * mode, and neither is the same number from iTunes. */
static int64_t code_evidence_of(const struct attempt *attempt)
{
	int64_t reported = reported_code_of(attempt);
	bool seen = attempt->came_back == MODE_RECOVERY || attempt->came_back == MODE_DFU;

	if (reported && reported != attempt->itunes_code)
		return reported;
	return seen ? 0 : itunes_code_of(attempt);
}

/* iTunes shows the numbers of the phone's restore system unchanged, except those with another
 * meaning in iTunes (errors.txt). Such a number is not yet the phone's own word: `says` decides
 * that. */
static int64_t shown_phone_code(int64_t code)
{
	bool of_itunes = code_by_number(NUMBERING_ITUNES, code) != NULL;

	return !of_itunes && code_by_number(NUMBERING_AMR, code) ? code : 0;
}

static int64_t phone_code_of(const struct attempt *attempt)
{
	if (attempt->amr_error_known && attempt->amr_error)
		return attempt->amr_error;
	/* The status is one of the same numbers, if the tool printed no other. */
	if (attempt->status_known && attempt->status > 0)
		return attempt->status;
	for (size_t i = 0; i < attempt->error_count; i++) {
		const struct reported_error *error = &attempt->errors[i];

		if (word_is(error->domain, "amr") || word_is(error->domain, "restored"))
			return error->code;
		if (word_is(error->domain, "itunes"))
			return shown_phone_code(error->code);
	}
	return 0;
}

/* A fault of the bench caused the failure: the attempt says nothing about the phone. */
static bool bench_spoiled(const struct attempt *attempt)
{
	return attempt->health.mux_faults > 0;
}

static const struct case_sign *find_sign(const struct case_analysis *view, const char *id)
{
	for (size_t i = 0; i < view->sign_count; i++)
		if (text_equal(view->signs[i].id, id))
			return &view->signs[i];
	return NULL;
}

bool case_analysis_may_show(const struct case_analysis *view, const char *sign)
{
	return view->sign_count == CASE_SIGNS_MAX || find_sign(view, sign);
}

/* Most attempts of a case show the same few signs. */
static uint64_t signs_say(struct case_analysis *view, const struct attempt *attempt)
{
	uint64_t says = 0;

	for (size_t i = 0; i < attempt->sign_count; i++) {
		const char *id = attempt->signs[i].id;
		const struct case_sign *known = find_sign(view, id);
		struct case_sign sign = known ? *known : (struct case_sign){id, sign_says(id)};

		if (!known && view->sign_count < CASE_SIGNS_MAX)
			view->signs[view->sign_count++] = sign;
		says |= sign.says;
	}
	return says;
}

bool case_analysis_log_lost_link(const struct attempt_view *a)
{
	return !a->attempt->status_known && attempt_says(a, SAYS_LINK_LOST);
}

/* What a number says: the phone's own, or iTunes' (its own, or the phone's unchanged). */
static enum says says_of(int64_t phone_code, int64_t shown)
{
	if (!phone_code && !shown)
		return SAYS_NOTHING;
	if (!phone_code && code_by_number(NUMBERING_ITUNES, shown))
		return code_says(NUMBERING_ITUNES, shown);
	return code_says(NUMBERING_AMR, phone_code ? phone_code : shown);
}

/* The phone's final status is in a log: it arrived over the link. */
static bool phone_spoke(const struct attempt *attempt)
{
	return (attempt->amr_error_known && attempt->amr_error) ||
	       (attempt->status_known && attempt->status > 0);
}

/* An update fails at a full or damaged data volume on every computer and cable, and an erase
 * creates a new one: no part is at fault. */
static bool stopped_at_volume(const struct attempt_view *view)
{
	if (word_is(view->attempt->action, "erase") || only_starts(view->attempt))
		return false;
	return view->says == SAYS_VOLUME || attempt_says(view, SAYS_VOLUME);
}

/* The only fact about its end is a number that names no part, reset or link: the restore system may
 * not even have run. */
static bool says_nothing(const struct attempt_view *view)
{
	const struct attempt *attempt = view->attempt;

	return (view->phone_code || view->code) && attempt->stage < STAGE_RESTORE &&
	       view->says != SAYS_PART && view->says != SAYS_RESET && view->says != SAYS_LINK;
}

/* No tool was watched and nobody reported a word of its end: the phone left restore mode, as it
 * does at the end of any restore that failed, whatever for. */
static bool is_unheard(const struct attempt *attempt)
{
	return attempt->stage >= STAGE_RESTORE && !attempt->tool[0] && !attempt->operation &&
	       !attempt->checkpoint && !attempt->status_known && !attempt->amr_error_known &&
	       !attempt->error_count && attempt->mode_count > 0;
}

/* True if the attempt was watched, or the phone's own word arrived over the link, or the number
 * means that the phone named a part or was found on USB afterwards. If a person reported just
 * "failed", or any other number, the link is unknown. */
static bool is_link_known(const struct attempt_view *view)
{
	if (phone_spoke(view->attempt) || view->says == SAYS_PART ||
		says_of(0, view->code) == SAYS_RESET)
		return true;
	/* Without the tool's log, nobody knows why the phone left restore mode. */
	if (!view->attempt->tool[0] && !view->attempt->operation &&
		view->attempt->stage >= STAGE_RESTORE)
		return false;
	/* Without an attach, nobody watched USB: then only the log shows the link. */
	return view->attempt->health.grade != HEALTH_UNKNOWN &&
	       (view->attempt->health.attaches > 0 || !case_analysis_log_lost_link(view));
}

/* A person stopped the tool while the phone was silent past its time: that restore hung, it was not
 * aborted. */
static bool hung_at_its_end(const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_ABORTED && attempt->silent;
}

static void fill_attempt(
	struct attempt_view *view, const struct attempt *attempt, size_t index, uint64_t signs_say)
{
	const struct health *health = &attempt->health;

	view->attempt = attempt;
	view->index = index;
	view->signs_say = signs_say;
	view->succeeded = attempt->outcome == OUTCOME_SUCCEEDED;
	view->bench_fault = attempt->outcome == OUTCOME_FAILED && bench_spoiled(attempt);
	view->running = attempt_is_running(attempt);
	view->failed = (attempt->outcome == OUTCOME_FAILED && !view->bench_fault) ||
		       hung_at_its_end(attempt);
	view->link_faulty = health->usb_errors > 0 || health->over_currents > 0 ||
			    (health->speed_mbps > 0 && health->speed_mbps < USB_PHONE_MBPS);
	view->code = itunes_code_of(attempt);
	view->code_evidence = code_evidence_of(attempt);
	view->phone_code = phone_code_of(attempt);
	view->of_server = outside_is_server(view->code, view->phone_code);
	view->says = says_of(view->phone_code, view->code);
	view->volume = stopped_at_volume(view);
	view->says_nothing = says_nothing(view);
	view->unheard = is_unheard(attempt);
	view->link_known = is_link_known(view);
	view->outside = external_cause_ended(view);
	view->off_link = external_cause_off_link(view) && !view->link_faulty;
}

/* How far a person saw it come; -1 = nobody said. */
static int percent_of(const struct attempt *attempt)
{
	const char *told = attempt_condition(attempt, "percent");

	return told && isdigit((unsigned char)*told) ? atoi(told) : -1;
}

/* Whether two failures stopped at the same point, by the finest detail known for both. */
static enum point_match same_point(const struct attempt_view *a, const struct attempt_view *b)
{
	const struct attempt *x = a->attempt, *y = b->attempt;

	if (x->operation && y->operation && !x->operation_passed && !y->operation_passed)
		return x->operation == y->operation ? POINT_SAME : POINT_DIFFERENT;
	if (x->checkpoint && y->checkpoint)
		return x->checkpoint == y->checkpoint ? POINT_SAME : POINT_DIFFERENT;
	if (a->phone_code && b->phone_code)
		return a->phone_code == b->phone_code ? POINT_SAME : POINT_DIFFERENT;
	if (a->code && b->code)
		return a->code == b->code ? POINT_SAME : POINT_DIFFERENT;
	if (percent_of(x) >= 0 && percent_of(y) >= 0)
		return abs(percent_of(x) - percent_of(y)) <= PERCENT_APART ? POINT_SAME
									   : POINT_DIFFERENT;
	if (x->stage && y->stage)
		return x->stage == y->stage ? POINT_SAME : POINT_DIFFERENT;
	return POINT_UNKNOWN;
}

/* The failures that share a point, counted from one of them. */
struct group {
	size_t size;
	bool several_hosts, several_cables;
	uint64_t key; /* of the point: decides a tie, independent of the order */
};

static uint64_t point_key(const struct attempt_view *a)
{
	const uint64_t parts[] = {a->attempt->operation, a->attempt->checkpoint,
		(uint64_t)a->phone_code, (uint64_t)a->code, a->attempt->stage};
	uint64_t key = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		key = (key ^ parts[i]) * UINT64_C(1099511628211);
	return key;
}

bool case_analysis_is_clean(const struct attempt_view *a)
{
	return !a->link_faulty && !a->outside && !a->volume && !a->says_nothing && !a->unheard;
}

bool case_analysis_links_cleared(const struct case_analysis *view)
{
	return view->clean_computers >= 2 && view->clean_cables >= 2;
}

static struct group group_around(struct case_analysis *view, size_t reference)
{
	const struct attempt_view *a = &view->attempts[reference];
	struct group group = {.key = point_key(a)};
	uint64_t host = 0, cable = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *b = &view->attempts[i];
		uint64_t b_host = b->values[FACTOR_ID_HOST][0];
		uint64_t b_cable = b->values[FACTOR_ID_CABLE][0];
		enum point_match match;

		if (!b->failed)
			continue;
		match = i == reference ? POINT_SAME : same_point(a, b);
		view->varying |= match == POINT_DIFFERENT;
		if (match != POINT_SAME)
			continue;
		group.size++;
		if (!case_analysis_is_clean(b))
			continue;
		group.several_hosts |= host && b_host && host != b_host;
		group.several_cables |= cable && b_cable && cable != b_cable;
		host = b_host ? b_host : host;
		cable = b_cable ? b_cable : cable;
	}
	return group;
}

/* The point that survived most changes counts most; then the most frequent one. */
static bool better_group(const struct group *a, const struct group *b)
{
	int x = a->several_hosts + a->several_cables, y = b->several_hosts + b->several_cables;

	if (x != y)
		return x > y;
	if (a->size != b->size)
		return a->size > b->size;
	return a->key > b->key;
}

/* All that same_point() compares. */
static bool has_point_of(const struct attempt_view *a, const struct attempt_view *b)
{
	const struct attempt *x = a->attempt, *y = b->attempt;

	return x->operation == y->operation && x->operation_passed == y->operation_passed &&
	       x->checkpoint == y->checkpoint && a->phone_code == b->phone_code &&
	       a->code == b->code && x->stage == y->stage && percent_of(x) == percent_of(y);
}

/* The group around a failure is that around an earlier one with all of its point. */
static bool is_grouped(const struct case_analysis *view, size_t reference)
{
	for (size_t i = 0; i < reference; i++)
		if (view->attempts[i].failed &&
			has_point_of(&view->attempts[i], &view->attempts[reference]))
			return true;
	return false;
}

/* Marks the failures of the most significant point. */
static void mark_group(struct case_analysis *view)
{
	struct group best = {0};
	size_t reference = SIZE_MAX;

	for (size_t i = 0; i < view->count; i++) {
		struct group group;

		if (!view->attempts[i].failed || is_grouped(view, i))
			continue;
		group = group_around(view, i);
		if (reference != SIZE_MAX && !better_group(&group, &best))
			continue;
		best = group;
		reference = i;
	}
	for (size_t i = 0; i < view->count && reference != SIZE_MAX; i++) {
		struct attempt_view *other = &view->attempts[i];

		other->in_group =
			other->failed && (i == reference || same_point(&view->attempts[reference],
								    other) == POINT_SAME);
		view->group_count += other->in_group;
	}
}

static bool is_failure(const struct attempt_view *a)
{
	return a->failed;
}

static bool is_of_group(const struct attempt_view *a)
{
	return a->in_group;
}

static bool is_clean_of_group(const struct attempt_view *a)
{
	return a->in_group && case_analysis_is_clean(a);
}

static bool is_proven_of_group(const struct attempt_view *a)
{
	return is_clean_of_group(a) && a->link_known;
}

static bool every_attempt_timed(const struct triage_case *c)
{
	for (size_t i = 0; i < c->attempt_count; i++)
		if (!c->attempts[i]->started.wall_us)
			return false;
	return c->attempt_count > 0;
}

static int compare_times(const void *left, const void *right)
{
	const struct attempt_view *a = left, *b = right;
	uint64_t x = a->attempt->started.wall_us, y = b->attempt->started.wall_us;

	if (x != y)
		return x < y ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static bool has_times(const struct attempt *attempt)
{
	return attempt->started.wall_us && attempt->ended.wall_us > attempt->started.wall_us;
}

/* For half of the shorter's time or more they ran side by side: one phone, one restore. */
static bool ran_at_once(const struct attempt *a, const struct attempt *b)
{
	uint64_t from =
		a->started.wall_us > b->started.wall_us ? a->started.wall_us : b->started.wall_us;
	uint64_t to = a->ended.wall_us < b->ended.wall_us ? a->ended.wall_us : b->ended.wall_us;
	uint64_t length = a->ended.wall_us - a->started.wall_us;
	uint64_t other = b->ended.wall_us - b->started.wall_us;

	return has_times(a) && has_times(b) && to > from &&
	       to - from >= (length < other ? length : other) / 2;
}

/* Of two restores of one phone at the same time, the one that tells more: its success, or how far
 * it came. */
static bool tells_more(const struct attempt_view *a, const struct attempt_view *b)
{
	if (a->succeeded != b->succeeded)
		return a->succeeded;
	if (a->failed != b->failed)
		return a->failed;
	if (a->attempt->stage != b->attempt->stage)
		return a->attempt->stage > b->attempt->stage;
	if (!a->attempt->operation != !b->attempt->operation)
		return a->attempt->operation != 0;
	return compare_times(a, b) < 0;
}

static bool has_result(const struct attempt_view *a)
{
	return (a->failed || a->bench_fault || a->succeeded) && !a->concurrent;
}

/* Two tools that work on one phone at the same time spoil each other's restore: their failures are
 * not two independent ones, and compared with each other they show nothing. */
static void mark_concurrent(struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		for (size_t j = i + 1; j < view->count; j++) {
			struct attempt_view *a = &view->attempts[i], *b = &view->attempts[j];

			/* Neither this one nor a later one did. */
			if (!has_times(a->attempt) ||
				(view->timed &&
					b->attempt->started.wall_us >= a->attempt->ended.wall_us))
				break;
			if (has_result(a) && has_result(b) && ran_at_once(a->attempt, b->attempt))
				(tells_more(a, b) ? b : a)->concurrent = true;
		}
	for (size_t i = 0; i < view->count; i++) {
		struct attempt_view *a = &view->attempts[i];

		a->failed &= !a->concurrent;
		a->bench_fault &= !a->concurrent;
		a->succeeded &= !a->concurrent;
	}
}

static void fill_model(struct case_analysis *view)
{
	const char *product = view->c->identity.product;
	const struct model *model = model_by_product(product);

	if (!model && view->c->identity.board[0])
		model = model_by_board(view->c->identity.board);

	view->released = model ? model->released : 0;
	view->lacks = model_lacks(product, view->c->identity.board);
	view->face_id = model ? model_has(model, HARDWARE_FLEX_I2C) : product_has_face_id(product);
	view->no_face_id =
		model ? !model_has(model, HARDWARE_FACE_ID) : product[0] && !view->face_id;
}

static void fill_counts(struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++) {
		view->failed_count += view->attempts[i].failed;
		view->succeeded_count += view->attempts[i].succeeded;
		view->bench_fault_count += view->attempts[i].bench_fault;
	}
	mark_group(view);
	view->tried_computers = comparison_count(view, FACTOR_ID_HOST, is_failure);
	view->tried_cables = comparison_count(view, FACTOR_ID_CABLE, is_failure);
	view->computers = comparison_count(view, FACTOR_ID_HOST, is_of_group);
	view->cables = comparison_count(view, FACTOR_ID_CABLE, is_of_group);
	view->tools = comparison_count(view, FACTOR_ID_TOOL, is_of_group);
	view->clean_computers = comparison_count(view, FACTOR_ID_HOST, is_clean_of_group);
	view->clean_cables = comparison_count(view, FACTOR_ID_CABLE, is_clean_of_group);
	view->proven_computers = comparison_count(view, FACTOR_ID_HOST, is_proven_of_group);
	view->proven_cables = comparison_count(view, FACTOR_ID_CABLE, is_proven_of_group);
}

int case_analysis_new(const struct triage_case *c, struct case_analysis **ret)
{
	CLEANUP(case_analysis_freep) struct case_analysis *view = NULL;
	size_t count = 0, first;

	assert(c && ret);
	view = calloc(1, sizeof(*view));
	if (!view)
		return -ENOMEM;
	view->c = c;
	view->memo = calloc(1, sizeof(*view->memo));
	view->attempts = calloc(c->attempt_count + 1, sizeof(*view->attempts));
	if (!view->memo || !view->attempts)
		return -ENOMEM;
	for (size_t i = 0; i < c->attempt_count; i++)
		if (c->attempts[i]->outcome != OUTCOME_WITHDRAWN)
			fill_attempt(&view->attempts[count++], c->attempts[i], i,
				signs_say(view, c->attempts[i]));
	view->timed = every_attempt_timed(c);
	if (view->timed)
		qsort(view->attempts, count, sizeof(*view->attempts), compare_times);
	first = count > CASE_ANALYSIS_ATTEMPTS_MAX ? count - CASE_ANALYSIS_ATTEMPTS_MAX : 0;
	view->count = count - first;
	memmove(view->attempts, view->attempts + first, view->count * sizeof(*view->attempts));
	mark_concurrent(view);
	fill_model(view);
	comparison_read(view);
	fill_counts(view);
	comparison_run(view);
	*ret = TAKE_PTR(view);
	return 0;
}

struct case_analysis *case_analysis_free(struct case_analysis *view)
{
	if (view) {
		free(view->memo);
		free(view->attempts);
	}
	free(view);
	return NULL;
}

const struct attempt_view *case_analysis_last_failure(const struct case_analysis *view)
{
	const struct attempt_view *spoiled = NULL;

	for (size_t i = view->count; i > 0; i--) {
		if (view->attempts[i - 1].failed)
			return &view->attempts[i - 1];
		if (view->attempts[i - 1].bench_fault && !spoiled)
			spoiled = &view->attempts[i - 1];
	}
	return spoiled;
}

bool case_has_history(const struct triage_case *c, const char *word)
{
	for (size_t i = 0; i < c->history_count; i++)
		if (word_is(c->history[i], word))
			return true;
	return false;
}
