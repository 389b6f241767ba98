/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/attempt_private.h"

#include <errno.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/budget.h"
#include "common/model/detail.h"
#include "common/model/operation.h"

#define LEAP_US (24 * 3600 * USEC_PER_SEC) /* of the wall clock in a restore */

void attempt_init(struct attempt *attempt)
{
	*attempt = (struct attempt){.permille = -1};
}

void attempt_copy_text(char *out, size_t size, const struct event *event)
{
	text_clean(event->text, event->text_length, out, size);
}

const char *attempt_condition(const struct attempt *attempt, const char *key)
{
	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return text_equal(attempt->conditions[i].value, "unknown")
				       ? NULL
				       : attempt->conditions[i].value;
	return NULL;
}

int attempt_set_condition(
	struct attempt *attempt, const char *key, const char *value, uint64_t sequence)
{
	struct condition *condition = NULL;

	for (size_t i = 0; i < attempt->condition_count && !condition; i++)
		if (text_equal(attempt->conditions[i].key, key))
			condition = &attempt->conditions[i];
	if (!condition) {
		if (attempt->condition_count == ATTEMPT_CONDITIONS_MAX)
			return -ENOSPC;
		condition = &attempt->conditions[attempt->condition_count++];
	}
	text_copy(condition->key, sizeof(condition->key), key);
	text_copy(condition->value, sizeof(condition->value), value);
	condition->sequence = sequence;
	return 0;
}

const struct seen_sign *attempt_sign(const struct attempt *attempt, const char *id)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		if (text_equal(attempt->signs[i].id, id))
			return &attempt->signs[i];
	return NULL;
}

const struct seen_sign *attempt_usb_error(const struct attempt *attempt, int64_t code)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		if (code < 0 && attempt->signs[i].code == code)
			return &attempt->signs[i];
	return NULL;
}

static bool is_crash(int64_t status)
{
	static const int signals[] = {4, 6, 7, 8, 11};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (status == -signals[i] || status == 128 + signals[i])
			return true;
	return false;
}

bool attempt_tool_crashed(const struct attempt *attempt)
{
	if (attempt->exit_known && is_crash(attempt->exit_status))
		return true;
	for (size_t i = 0; i < attempt->error_count; i++)
		if (text_equal(attempt->errors[i].domain, "tool-exit") &&
			is_crash(attempt->errors[i].code))
			return true;
	return false;
}

const char *health_grade_name(enum health_grade grade)
{
	static const char *const names[] = {"unknown", "good", "degraded", "lost"};

	return (size_t)grade < ARRAY_SIZE(names) ? names[grade] : names[0];
}

void attempt_reach_stage(struct attempt *attempt, enum restore_stage stage)
{
	if (stage <= attempt->stage)
		return;
	if (stage >= STAGE_BOOT_RAMDISK && attempt->stage < STAGE_BOOT_RAMDISK)
		attempt->modes_when_due = attempt->mode_count;
	attempt->stage = stage;
}

struct seen_sign *attempt_see_sign(
	struct attempt *attempt, const char *id, int32_t code, uint64_t sequence)
{
	struct seen_sign *sign;

	for (size_t i = 0; i < attempt->sign_count; i++) {
		sign = &attempt->signs[i];
		if (sign->code == code && text_equal(sign->id, id)) {
			sign->count++;
			return sign;
		}
	}
	if (attempt->sign_count == ATTEMPT_SIGNS_MAX)
		return NULL;
	sign = &attempt->signs[attempt->sign_count++];
	*sign = (struct seen_sign){.code = code, .count = 1, .first_sequence = sequence};
	text_copy(sign->id, sizeof(sign->id), id);
	return sign;
}

void fold_sign(struct attempt *attempt, const struct event *event)
{
	attempt_see_sign(attempt, event->name, 0, event->sequence);
	attempt->lost_by_log |= event->kind == EVENT_SIGN && event->flag && !attempt->status_known;
}

static void fold_condition(struct attempt *attempt, const struct event *event)
{
	char value[CONDITION_VALUE_SIZE];

	attempt_copy_text(value, sizeof(value), event);
	attempt_set_condition(attempt, event->name, value, event->sequence);
	/* If USB is not watched, the port is the one that a person reports. */
	if (text_equal(event->name, "port") && !attempt->port[0])
		text_copy(attempt->port, sizeof(attempt->port), value);
}

static void fold_ticket(struct attempt *attempt, const struct event *event)
{
	attempt_copy_text(attempt->ticket, sizeof(attempt->ticket), event);
}

struct amendment event_amendment(const struct event *event)
{
	struct amendment amendment = {.at_us = event->at.wall_us, .sequence = event->sequence};

	text_copy(amendment.key, sizeof(amendment.key), event->name);
	text_copy(amendment.before, sizeof(amendment.before), event->before);
	attempt_copy_text(amendment.after, sizeof(amendment.after), event);
	text_copy(amendment.by, sizeof(amendment.by), event->by);
	return amendment;
}

/* In the order of their times: those of another bench may arrive late. The oldest one is dropped.
 */
static void add_amendment(struct attempt *attempt, const struct amendment *amendment)
{
	struct amendment *all = attempt->amendments;
	size_t at = attempt->amendment_count;

	while (at > 0 && all[at - 1].at_us > amendment->at_us)
		at--;
	if (attempt->amendment_count == ATTEMPT_AMENDMENTS_MAX) {
		if (at == 0)
			return;
		memmove(all, all + 1, --at * sizeof(*all));
	} else {
		memmove(all + at + 1, all + at, (attempt->amendment_count++ - at) * sizeof(*all));
	}
	all[at] = *amendment;
}

static bool is_amended_later(const struct attempt *attempt, const struct amendment *amendment)
{
	for (size_t i = 0; i < attempt->amendment_count; i++)
		if (attempt->amendments[i].at_us > amendment->at_us &&
			text_equal(attempt->amendments[i].key, amendment->key))
			return true;
	return false;
}

/* A case file has the corrections that its records tell as well. */
static bool is_amended(const struct attempt *attempt, const struct event *event)
{
	const struct amendment amendment = event_amendment(event);

	for (size_t i = 0; i < attempt->amendment_count; i++)
		if (attempt->amendments[i].at_us == amendment.at_us &&
			text_equal(attempt->amendments[i].key, amendment.key) &&
			text_equal(attempt->amendments[i].after, amendment.after))
			return true;
	return false;
}

static void fold_amendment(struct attempt *attempt, const struct event *event)
{
	const struct amendment amendment = event_amendment(event);
	char text[DETAIL_SIZE];

	attempt_copy_text(text, sizeof(text), event);
	if (is_amended(attempt, event))
		return;
	if (!is_amended_later(attempt, &amendment) &&
		detail_set(attempt, NULL, event->name, text, event->sequence) < 0)
		return;
	attempt->outcome_amended |= text_equal(event->name, "outcome");
	add_amendment(attempt, &amendment);
}

static void note_overrun(struct attempt *attempt, const struct event *event)
{
	const struct budget *budget = budget_find(event->name);
	struct overrun *overrun;

	if (attempt->overrun_count < ATTEMPT_OVERRUNS_MAX)
		attempt->overrun_count++;
	overrun = &attempt->overruns[attempt->overrun_count - 1];
	*overrun = (struct overrun){
		.seconds = event->number,
		.allowed_seconds = event->number,
		.transfers = (enum silence_transfers)event->flag,
		.sequence = event->sequence,
		.since_us = event->at.monotonic_us - event->number * USEC_PER_SEC,
	};
	if (event->at.monotonic_us <= attempt->quiet_until_us)
		overrun->quiet = attempt->quiet;
	if (budget && budget->seconds < overrun->allowed_seconds)
		overrun->allowed_seconds = budget->seconds;
	text_copy(overrun->wait, sizeof(overrun->wait), event->name);
	text_copy(overrun->step, sizeof(overrun->step),
		attempt->operation_name[0] ? attempt->operation_name
		: attempt->stage	   ? restore_stage_name(attempt->stage)
					   : "");
}

/* The silence is over, or the session has ended. */
static void lengthen_overrun(struct attempt *attempt, const struct event *event)
{
	struct overrun *overrun = &attempt->overruns[attempt->overrun_count - 1];

	if (event->at.monotonic_us > overrun->since_us)
		overrun->seconds =
			(uint32_t)((event->at.monotonic_us - overrun->since_us) / USEC_PER_SEC);
}

static void fold_silence(struct attempt *attempt, const struct event *event)
{
	const struct budget *budget = budget_find(event->name);

	if (attempt->silent)
		lengthen_overrun(attempt, event);
	note_overrun(attempt, event);
	attempt->silent = true;
	if (budget && budget->of != SILENCE_OF_PHONE)
		return;
	attempt->health.silences++;
	attempt->health.stalls += event->flag == SILENCE_NO_TRANSFERS;
	attempt->health.stalls_known |= event->flag != SILENCE_TRANSFERS_UNKNOWN;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

static void fold_port(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (text_equal(event->name, "over-current")) {
		health->over_currents += event->number;
		health->over_currents_known = true;
	} else if (text_equal(event->name, "suspended")) {
		health->suspends++;
	} else if (text_equal(event->name, PORT_TRANSFERS) && attempt->silent) {
		lengthen_overrun(attempt, event);
		attempt->silent = false;
	}
	if (event->number && !health->first_fault_sequence)
		health->first_fault_sequence = event->sequence;
}

/* A truncated path would be that of another file. */
static void fold_tool_log(struct attempt *attempt, const struct event *event)
{
	if (event->text_length >= sizeof(attempt->tool_log))
		return;
	memcpy(attempt->tool_log, event->text, event->text_length);
	attempt->tool_log[event->text_length] = '\0';
	attempt->tool_user = event->number;
}

static void fold_session_begin(struct attempt *attempt, const struct event *event)
{
	attempt->id = event->session;
	attempt->started = event->at;
	attempt->begin_sequence = event->sequence;
	attempt->owner = event->number;
	if (event->name[0])
		text_copy(attempt->host, sizeof(attempt->host), event->name);
	if (host_id_is_valid(event->by))
		text_copy(attempt->host_id, sizeof(attempt->host_id), event->by);
	text_copy(attempt->host_os, sizeof(attempt->host_os), "linux");
}

/* The wall clock may have been set during the restore. Other differences of the two clocks are a
 * second at most, the time in which the computer was suspended, or a restart of it. */
static struct stamp end_time(const struct stamp *started, struct stamp ended)
{
	uint64_t lasted_us = ended.monotonic_us - started->monotonic_us, wall_us;

	if (!started->wall_us || !ended.wall_us || !started->monotonic_us ||
		ended.monotonic_us < started->monotonic_us)
		return ended;
	wall_us = started->wall_us + lasted_us;
	if (ended.wall_us + USEC_PER_SEC < wall_us || ended.wall_us > wall_us + LEAP_US)
		ended.wall_us = wall_us;
	return ended;
}

static void fold_session_end(struct attempt *attempt, const struct event *event)
{
	if (!attempt->ended_seen)
		attempt->ended = end_time(&attempt->started, event->at);
	if (!attempt->ended_seen && attempt->silent)
		lengthen_overrun(attempt, event);
	attempt->ended_seen = true;
	if (!attempt->outcome_amended)
		attempt->outcome = (enum outcome)event->number;
	attempt->itunes_code = event->code;
	attempt->came_back = event->mode;
	attempt->end_sequence = event->sequence;
}

enum fold_says {
	PHONE_SPEAKS = 1, /* the phone responds */
	GOES_ON = 2,	  /* the restore continues, whatever error came before */
	TOUCHES = 4,	  /* the tool works with the phone */
};

static const struct fold {
	void (*fold)(struct attempt *attempt, const struct event *event);
	unsigned says; /* the meaning of the event: of enum fold_says */
} folds[] = {

	[EVENT_ATTACH] = {fold_attach, PHONE_SPEAKS},
	[EVENT_MUX_ATTACH] = {fold_attach, PHONE_SPEAKS},
	[EVENT_DETACH] = {fold_detach, 0},
	[EVENT_MUX_DETACH] = {fold_detach, 0},
	[EVENT_LINK_LOST] = {fold_link_lost, 0},
	[EVENT_USB_ERROR] = {fold_usb_error, 0},
	[EVENT_LINK_ERROR] = {fold_link_error, 0},
	[EVENT_LINK_CORRECTED] = {fold_link_corrected, 0},
	[EVENT_LINK_QUIET] = {fold_link_quiet, 0},
	[EVENT_LINK_RATE] = {fold_link_rate, 0},
	[EVENT_MUX_ERROR] = {fold_mux_error, 0},
	[EVENT_PORT] = {fold_port, 0},
	[EVENT_MUX_CLIENT] = {fold_mux_client, 0},
	[EVENT_SIGN] = {fold_sign, 0},
	[EVENT_TOOL_START] = {fold_tool_start, 0},
	[EVENT_TOOL_VERSION] = {fold_tool_version, 0},
	[EVENT_TOOL_END] = {fold_tool_end, 0},
	[EVENT_TOOL_LOG] = {fold_tool_log, 0},
	[EVENT_LOG] = {fold_log, 0},
	[EVENT_FIRMWARE] = {fold_firmware, GOES_ON},
	[EVENT_ACTION] = {fold_action, GOES_ON},
	[EVENT_ENTRY] = {fold_entry, GOES_ON},
	[EVENT_TRANSFER] = {fold_touch, GOES_ON | TOUCHES},
	[EVENT_WAIT] = {fold_wait, GOES_ON},
	[EVENT_STAGE] = {fold_stage, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_OPERATION] = {fold_operation, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_PROGRESS] = {fold_progress, PHONE_SPEAKS | GOES_ON},
	[EVENT_CHECKPOINT] = {fold_checkpoint, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_STATUS] = {fold_status, PHONE_SPEAKS | TOUCHES},
	[EVENT_AMR_ERROR] = {fold_amr_error, PHONE_SPEAKS | TOUCHES},
	[EVENT_REPORTED_ERROR] = {fold_reported_error, 0},
	[EVENT_OUTCOME] = {fold_outcome, 0},
	[EVENT_COMPLAINT] = {fold_complaint, 0},
	[EVENT_CONDITION] = {fold_condition, 0},
	[EVENT_TICKET] = {fold_ticket, 0},
	[EVENT_AMENDMENT] = {fold_amendment, 0},
	[EVENT_SILENCE] = {fold_silence, 0},
	[EVENT_SESSION_BEGIN] = {fold_session_begin, 0},
	[EVENT_SESSION_END] = {fold_session_end, 0},
};

/* How to fold a kind of events; NULL if it is not folded. */
static const struct fold *find_fold(enum event_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(folds) && folds[kind].fold ? &folds[kind] : NULL;
}

static enum health_grade grade_health(const struct attempt *attempt)
{
	const struct health *health = &attempt->health;

	if (attempt->outcome != OUTCOME_SUCCEEDED &&
		(health->unexpected_detaches || (attempt->silent && health->silences)))
		return HEALTH_LOST;
	if (health->unexpected_detaches || health->silences || health->usb_errors ||
		health->mux_faults || health->over_currents || health->suspends)
		return HEALTH_DEGRADED;
	return health->attaches || attempt->operation || attempt->status_known ? HEALTH_GOOD
									       : HEALTH_UNKNOWN;
}

bool attempt_is_running(const struct attempt *attempt)
{
	return !attempt->ended_seen && !uuid_is_none(&attempt->id);
}

bool event_phone_speaks(enum event_kind kind)
{
	const struct fold *fold = find_fold(kind);

	return fold && (fold->says & PHONE_SPEAKS);
}

bool event_shows_progress(enum event_kind kind)
{
	const struct fold *fold = find_fold(kind);

	return fold && (fold->says & GOES_ON);
}

/* restored also reports the steps of its clean-up after a failure. */
static bool went_on(const struct event *event, unsigned says)
{
	return (says & GOES_ON) && !(event->kind == EVENT_CHECKPOINT &&
					   checkpoint_says(event->number) == SAYS_CLEAN_UP);
}

/* The phone may come and go while the tool waits for the server: only the tool shows that this is
 * over. */
static bool ends_silence(const struct attempt *attempt, const struct event *event, unsigned says)
{
	if (!attempt_server_silent(attempt))
		return says & PHONE_SPEAKS;
	return !attempt->at_server;
}

void attempt_fold(struct attempt *attempt, const struct event *event)
{
	const struct fold *fold = find_fold(event->kind);
	unsigned says = fold ? fold->says : 0;

	if (event->source == SOURCE_TOOL && (says & GOES_ON))
		attempt->at_server = false;

	if (went_on(event, says))
		attempt->complaining = false;
	if (fold)
		fold->fold(attempt, event);
	attempt->touched |= (says & TOUCHES) != 0;
	if (!attempt->ended_seen && ends_silence(attempt, event, says)) {
		if (attempt->silent)
			lengthen_overrun(attempt, event);
		attempt->silent = false;
	}
	attempt->health.grade = grade_health(attempt);
}