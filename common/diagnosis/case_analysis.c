/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/case_analysis.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/phone_model.h"
#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/sign_says.h"

#define DISTINCT_MAX 64	    /* limit of different values to count */
#define FULL_SPEED_MBPS 480 /* the minimum speed of an iPhone on USB */

static uint64_t hash_add(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return hash;
}

/* FNV-1a; 0 is reserved for unknown. */
static uint64_t hash_text(const char *text)
{
	if (!text || !*text)
		return 0;
	return hash_add(UINT64_C(14695981039346656037), text) | 1;
}

static uint64_t hash_condition(const struct attempt *attempt, const char *key)
{
	return hash_text(attempt_condition(attempt, key));
}

static uint64_t hash_port(const struct attempt *attempt)
{
	const char *told = attempt_condition(attempt, "port");

	if (told)
		return hash_text(told);
	return hash_text(attempt->port);
}

static uint64_t hash_tool(const struct attempt *attempt)
{
	uint64_t hash = hash_text(attempt->tool);

	return hash ? hash_add(hash, attempt->version) | 1 : 0;
}

static enum flex_state flex_state_of(const struct attempt *attempt)
{
	const char *told = attempt_condition(attempt, "earpieceFlex");

	if (!told)
		return FLEX_UNKNOWN;
	if (word_is(told, "connected"))
		return FLEX_CONNECTED;
	if (word_is(told, "disconnected"))
		return FLEX_DISCONNECTED;
	return word_is(told, "replaced") ? FLEX_REPLACED : FLEX_UNKNOWN;
}

/* A part without a report counts as unchanged: connected, original. */
static uint64_t hash_part(const struct attempt *attempt, const char *key, const char *usual)
{
	const char *told = attempt_condition(attempt, key);

	if (!told || word_is(told, usual))
		return 1;
	return hash_text(told);
}

static void fill_values(struct attempt_view *view)
{
	const struct attempt *attempt = view->attempt;
	uint64_t *values = view->values;

	values[VARIABLE_CABLE] = hash_condition(attempt, "cable");
	values[VARIABLE_PORT] = hash_port(attempt);
	values[VARIABLE_HOST] = hash_text(attempt->host);
	values[VARIABLE_TOOL] = hash_tool(attempt);
	values[VARIABLE_HOST_SOFTWARE] = hash_part(attempt, "hostSoftware", "");
	values[VARIABLE_FIRMWARE] =
		hash_text(attempt->firmware_build[0] ? attempt->firmware_build : attempt->firmware);
	/* Only starting the phone is not a kind of restore. */
	values[VARIABLE_ACTION] = word_is(attempt->action, "boot") ? 0 : hash_text(attempt->action);
	values[VARIABLE_NETWORK] = hash_part(attempt, "network", "");
	values[VARIABLE_FLEX] = hash_part(attempt, "earpieceFlex", "connected");
	values[VARIABLE_DISPLAY] = hash_part(attempt, "display", "connected");
	values[VARIABLE_BATTERY] = hash_part(attempt, "battery", "original");
	values[VARIABLE_CHARGE_FLEX] = hash_part(attempt, "chargeFlex", "original");
	values[VARIABLE_MINIMAL_BOOT] = hash_part(attempt, "minimalBoot", "false");
}

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

bool case_analysis_log_lost_link(const struct attempt *attempt)
{
	return !attempt->status_known && attempt_says(attempt, SAYS_LINK_LOST);
}

/* What a number says: the phone's own, or iTunes' (its own, or the phone's unchanged). */
static enum says says_of(int64_t phone_code, int64_t shown)
{
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
	if (word_is(view->attempt->action, "erase") || word_is(view->attempt->action, "boot"))
		return false;
	return view->says == SAYS_VOLUME || attempt_says(view->attempt, SAYS_VOLUME);
}

/* The only fact about its end is a number that names no part, reset or link: the restore system may
 * not even have run. */
static bool says_nothing(const struct attempt_view *view)
{
	const struct attempt *attempt = view->attempt;

	return (view->phone_code || view->code) && attempt->stage < STAGE_RESTORE &&
	       view->says != SAYS_PART && view->says != SAYS_RESET && view->says != SAYS_LINK;
}

/* True if the attempt was watched, or the phone's own word arrived over the link, or the number
 * means that the phone named a part or was found on USB afterwards. If a person reported just
 * "failed", or any other number, the link is unknown. */
static bool is_link_known(const struct attempt_view *view)
{
	if (phone_spoke(view->attempt) || view->says == SAYS_PART ||
		says_of(0, view->code) == SAYS_RESET)
		return true;
	/* Without an attach, nobody watched USB: then only the log shows the link. */
	return view->attempt->health.grade != HEALTH_UNKNOWN &&
	       (view->attempt->health.attaches > 0 || !case_analysis_log_lost_link(view->attempt));
}

/* A person stopped the tool while the phone was silent past its time: that restore hung, it was not
 * aborted. */
static bool hung_at_its_end(const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_ABORTED && attempt->silent;
}

static void fill_attempt(struct attempt_view *view, const struct attempt *attempt, size_t index)
{
	const struct health *health = &attempt->health;

	view->attempt = attempt;
	view->index = index;
	view->succeeded = attempt->outcome == OUTCOME_SUCCEEDED;
	view->bench_fault = attempt->outcome == OUTCOME_FAILED && bench_spoiled(attempt);
	view->running = attempt_is_running(attempt);
	view->failed = (attempt->outcome == OUTCOME_FAILED && !view->bench_fault) ||
		       hung_at_its_end(attempt);
	view->link_faulty = health->usb_errors > 0 || health->over_currents > 0 ||
			    (health->speed_mbps > 0 && health->speed_mbps < FULL_SPEED_MBPS);
	view->code = itunes_code_of(attempt);
	view->code_evidence = code_evidence_of(attempt);
	view->phone_code = phone_code_of(attempt);
	view->says = says_of(view->phone_code, view->code);
	view->volume = stopped_at_volume(view);
	view->says_nothing = says_nothing(view);
	view->link_known = is_link_known(view);
	view->outside = external_cause_ended(attempt, view->code, view->phone_code);
	view->flex = flex_state_of(attempt);
	fill_values(view);
}

/* Whether two failures stopped at the same point, by the finest detail known for both. */
static enum point_match same_point(const struct attempt_view *a, const struct attempt_view *b)
{
	const struct attempt *x = a->attempt, *y = b->attempt;

	if (x->operation && y->operation)
		return x->operation == y->operation ? POINT_SAME : POINT_DIFFERENT;
	if (x->checkpoint && y->checkpoint)
		return x->checkpoint == y->checkpoint ? POINT_SAME : POINT_DIFFERENT;
	if (a->phone_code && b->phone_code)
		return a->phone_code == b->phone_code ? POINT_SAME : POINT_DIFFERENT;
	if (a->code && b->code)
		return a->code == b->code ? POINT_SAME : POINT_DIFFERENT;
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

/* Whether the phone's parts can be the cause, as far as known. */
static bool is_clean(const struct attempt_view *a)
{
	return !a->link_faulty && !a->outside && !a->volume && !a->says_nothing;
}

static struct group group_around(struct case_analysis *view, size_t reference)
{
	const struct attempt_view *a = &view->attempts[reference];
	struct group group = {.key = point_key(a)};
	uint64_t host = 0, cable = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *b = &view->attempts[i];
		enum point_match match;

		if (!b->failed)
			continue;
		match = i == reference ? POINT_SAME : same_point(a, b);
		view->varying |= match == POINT_DIFFERENT;
		if (match != POINT_SAME)
			continue;
		group.size++;
		if (!is_clean(b))
			continue;
		if (b->values[VARIABLE_HOST]) {
			group.several_hosts |= host && host != b->values[VARIABLE_HOST];
			host = b->values[VARIABLE_HOST];
		}
		if (b->values[VARIABLE_CABLE]) {
			group.several_cables |= cable && cable != b->values[VARIABLE_CABLE];
			cable = b->values[VARIABLE_CABLE];
		}
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

/* Marks the failures of the most significant point. */
static void mark_group(struct case_analysis *view)
{
	struct group best = {0};
	size_t reference = SIZE_MAX;

	for (size_t i = 0; i < view->count; i++) {
		struct group group;

		if (!view->attempts[i].failed)
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

/* The failures to count. */
enum counted {
	COUNT_ALL,
	COUNT_GROUP,
	COUNT_CLEAN,  /* of the group, without a known link fault, and possibly caused by the phone
		       */
	COUNT_PROVEN, /* of these, with a link that is known to have worked */
};

static bool is_counted(const struct attempt_view *a, enum counted counted)
{
	if (counted == COUNT_ALL)
		return a->failed;
	if (!a->in_group || counted == COUNT_GROUP)
		return a->in_group;
	return is_clean(a) && (counted == COUNT_CLEAN || a->link_known);
}

static size_t count_distinct(
	const struct case_analysis *view, enum variable variable, enum counted counted)
{
	uint64_t seen[DISTINCT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < view->count && count < DISTINCT_MAX; i++) {
		const struct attempt_view *a = &view->attempts[i];
		uint64_t value = a->values[variable];
		size_t j = 0;

		if (!value || !is_counted(a, counted))
			continue;
		while (j < count && seen[j] != value)
			j++;
		if (j == count)
			seen[count++] = value;
	}
	return count;
}

/* If a phone starts by itself, cable, computer and tool did not matter. */
static uint32_t relevant_variables(const struct attempt_view *success)
{
	return word_is(success->attempt->action, "boot") ? PHONE_VARIABLES : UINT32_MAX;
}

/* If only one of two attempts has a label, these may have changed unnoticed. */
#define LABEL_VARIABLES (VARIABLE_BIT(VARIABLE_CABLE) | VARIABLE_BIT(VARIABLE_HOST))

struct contrast case_analysis_contrast(
	const struct attempt_view *success, const struct attempt_view *failure)
{
	struct contrast contrast = {0};

	for (int v = 0; v < VARIABLE_COUNT; v++) {
		uint64_t a = success->values[v], b = failure->values[v];

		if (a == b)
			continue;
		if (a && b)
			contrast.changed |= VARIABLE_BIT(v);
		else
			contrast.doubtful |= VARIABLE_BIT(v) & LABEL_VARIABLES;
	}
	contrast.changed &= relevant_variables(success);
	contrast.doubtful &= relevant_variables(success);
	return contrast;
}

static int contrast_size(const struct contrast *contrast)
{
	return __builtin_popcount(contrast->changed | contrast->doubtful);
}

/* Keeps the smallest contrasts: the fewer differences, the more each one explains. */
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

/* Of contrasts of the same size, those without doubt are better. */
static void drop_doubtful(struct attempt_view *success)
{
	size_t sure = 0;

	for (size_t i = 0; i < success->contrast_count; i++)
		if (!success->contrasts[i].doubtful)
			success->contrasts[sure++] = success->contrasts[i];
	if (sure)
		success->contrast_count = sure;
}

/* Compares each success with the most similar failures. */
static void compare_successes(struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++) {
		struct attempt_view *success = &view->attempts[i];

		if (!success->succeeded)
			continue;
		for (size_t j = 0; j < view->count; j++) {
			const struct attempt_view *failure = &view->attempts[j];
			struct contrast contrast;

			if (!failure->failed && !failure->bench_fault)
				continue;
			contrast = case_analysis_contrast(success, failure);
			keep_contrast(success, &contrast);
		}
		drop_doubtful(success);
	}
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

static void fill_model(struct case_analysis *view)
{
	const char *product = view->c->identity.product;
	const struct model *model = model_by_product(product);

	if (!model && view->c->identity.board[0])
		model = model_by_board(view->c->identity.board);

	view->face_id = model ? model->front_sensor_flex_on_i2c : product_has_face_id(product);
	view->model_known = model || product[0];
}

static void fill_counts(struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++) {
		view->failed_count += view->attempts[i].failed;
		view->succeeded_count += view->attempts[i].succeeded;
		view->bench_fault_count += view->attempts[i].bench_fault;
	}
	mark_group(view);
	view->tried_computers = count_distinct(view, VARIABLE_HOST, COUNT_ALL);
	view->tried_cables = count_distinct(view, VARIABLE_CABLE, COUNT_ALL);
	view->tried_ports = count_distinct(view, VARIABLE_PORT, COUNT_ALL);
	view->tried_tools = count_distinct(view, VARIABLE_TOOL, COUNT_ALL);
	view->tried_firmwares = count_distinct(view, VARIABLE_FIRMWARE, COUNT_ALL);
	view->tried_networks = count_distinct(view, VARIABLE_NETWORK, COUNT_ALL);
	view->computers = count_distinct(view, VARIABLE_HOST, COUNT_GROUP);
	view->cables = count_distinct(view, VARIABLE_CABLE, COUNT_GROUP);
	view->ports = count_distinct(view, VARIABLE_PORT, COUNT_GROUP);
	view->tools = count_distinct(view, VARIABLE_TOOL, COUNT_GROUP);
	view->clean_computers = count_distinct(view, VARIABLE_HOST, COUNT_CLEAN);
	view->clean_cables = count_distinct(view, VARIABLE_CABLE, COUNT_CLEAN);
	view->proven_computers = count_distinct(view, VARIABLE_HOST, COUNT_PROVEN);
	view->proven_cables = count_distinct(view, VARIABLE_CABLE, COUNT_PROVEN);
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
	view->attempts = calloc(c->attempt_count + 1, sizeof(*view->attempts));
	if (!view->attempts)
		return -ENOMEM;
	for (size_t i = 0; i < c->attempt_count; i++)
		if (c->attempts[i]->outcome != OUTCOME_WITHDRAWN)
			fill_attempt(&view->attempts[count++], c->attempts[i], i);
	if (every_attempt_timed(c))
		qsort(view->attempts, count, sizeof(*view->attempts), compare_times);
	first = count > CASE_ANALYSIS_ATTEMPTS_MAX ? count - CASE_ANALYSIS_ATTEMPTS_MAX : 0;
	view->count = count - first;
	memmove(view->attempts, view->attempts + first, view->count * sizeof(*view->attempts));
	fill_counts(view);
	compare_successes(view);
	fill_model(view);
	*ret = TAKE_PTR(view);
	return 0;
}

struct case_analysis *case_analysis_free(struct case_analysis *view)
{
	if (view)
		free(view->attempts);
	free(view);
	return NULL;
}

bool case_analysis_changed_exactly(const struct attempt_view *a, uint32_t exactly)
{
	for (size_t i = 0; i < a->contrast_count; i++)
		if (a->contrasts[i].changed == exactly && (!exactly || !a->contrasts[i].doubtful))
			return true;
	return false;
}

bool case_analysis_changed_within(const struct attempt_view *a, uint32_t some, uint32_t others)
{
	for (size_t i = 0; i < a->contrast_count; i++) {
		uint32_t all = a->contrasts[i].changed | a->contrasts[i].doubtful;

		if ((a->contrasts[i].changed & some) && !(all & ~(some | others)))
			return true;
	}
	return false;
}

size_t case_analysis_works(const struct case_analysis *view, uint32_t exactly)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++)
		count += case_analysis_changed_exactly(&view->attempts[i], exactly);
	return count;
}

size_t case_analysis_works_within(const struct case_analysis *view, uint32_t some, uint32_t others)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++)
		count += case_analysis_changed_within(&view->attempts[i], some, others);
	return count;
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
