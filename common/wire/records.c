/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/wire/records.h"

#include <errno.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/text.h"

/* The meaning of an event's fields depends on its kind (common/model/event.h). */
enum record_field {
	HAS_NAME = 1 << 0,
	HAS_NUMBER = 1 << 1,
	HAS_CODE = 1 << 2,
	HAS_KNOWN_CODE = 1 << 3, /* 0 = none */
	HAS_PERMILLE = 1 << 4,
	HAS_HUB_DEPTH = 1 << 5, /* 0 = directly on the computer */
	HAS_SILENCE = 1 << 6,	/* flag = milliseconds */
	HAS_LIMIT = 1 << 7,	/* flag = a limit; 0 = none */
};

typedef const char *state_word(const struct event *event);
typedef void take_state(struct event *event, const char *word);

struct record_shape {
	enum event_kind kind;
	unsigned fields;
	const char *const *words; /* the states, by the number in `flag` */
	size_t word_count;
	/* Without words: */
	state_word *state;
	take_state *take; /* NULL: the state follows from another field */
};

static const char *source_state(const struct event *event)
{
	return event->code == 0 ? "up" : "down";
}

static const char *stage_state(const struct event *event)
{
	return restore_stage_name((enum restore_stage)event->number);
}

static const char *outcome_state(const struct event *event)
{
	return outcome_name((enum outcome)event->number);
}

static const char *const checkpoint_words[] = {
	[CHECKPOINT_STARTED] = "started",
	[CHECKPOINT_COMPLETED] = "completed",
	[CHECKPOINT_WARNING] = "warning",
	[CHECKPOINT_FAILURE] = "failure",
};

static const char *const step_words[] = {
	[STEP_BEGIN] = "begin",
	[STEP_DONE] = "done",
	[STEP_FAILED] = "failed",
};

static const char *const silence_words[] = {
	[SILENCE_NO_TRANSFERS] = "no-transfers",
	[SILENCE_TRANSFERS] = "transfers",
};

static const char *const link_quiet_words[] = {
	[LINK_QUIET_TAKES_NOTHING] = "takes-nothing",
	[LINK_QUIET_PHONES_TURN] = "phones-turn",
	[LINK_QUIET_HOSTS_TURN] = "hosts-turn",
	[LINK_QUIET_NOBODY] = "nobody",
	[LINK_QUIET_ONLY_SENDS] = "only-sends",
};

static const char *diagnosis_state(const struct event *event)
{
	return strength_name((enum strength)event->number);
}

/* Converts the word back into the event. */
static void take_stage(struct event *event, const char *word)
{
	event->number = (uint32_t)restore_stage_from_name(word);
}

static void take_outcome(struct event *event, const char *word)
{
	event->number = (uint32_t)outcome_from_name(word);
}

static void take_diagnosis(struct event *event, const char *word)
{
	event->number = (uint32_t)strength_from_name(word);
}

#define WORDS(list) list, ARRAY_SIZE(list)

/* In the order of enum event_kind. */
static const struct record_shape shapes[] = {
	{EVENT_BENCH, HAS_NAME},
	{EVENT_SOURCE, HAS_NAME | HAS_KNOWN_CODE, .state = source_state},
	{EVENT_ATTACH, HAS_NAME | HAS_HUB_DEPTH},
	{EVENT_DETACH, 0},
	{EVENT_MUX_ATTACH, 0},
	{EVENT_MUX_DETACH, HAS_KNOWN_CODE},
	{EVENT_USB_ERROR, HAS_NAME | HAS_KNOWN_CODE},
	{EVENT_MUX_ERROR, HAS_NAME},
	{EVENT_IDENTITY, HAS_NAME},
	{EVENT_PORT, HAS_NAME | HAS_NUMBER},
	{EVENT_SYSTEM, HAS_NAME},
	{EVENT_MUX_CLIENT, HAS_NAME | HAS_NUMBER},
	{EVENT_TOOL_START, HAS_NAME},
	{EVENT_TOOL_END, HAS_CODE},
	{EVENT_TOOL_VERSION, HAS_NAME},
	{EVENT_LOG, 0},
	{EVENT_FIRMWARE, HAS_NAME},
	{EVENT_ACTION, HAS_NAME},
	{EVENT_ENTRY, 0},
	{EVENT_TOOL_LOG, HAS_NUMBER},
	{EVENT_STAGE, 0, .state = stage_state, .take = take_stage},
	{EVENT_OPERATION, HAS_NAME | HAS_NUMBER},
	{EVENT_PROGRESS, HAS_PERMILLE},
	{EVENT_CHECKPOINT, HAS_NAME | HAS_NUMBER | HAS_CODE, WORDS(checkpoint_words)},
	{EVENT_TRANSFER, HAS_NAME, WORDS(step_words)},
	{EVENT_WAIT, HAS_NAME, WORDS(step_words)},
	{EVENT_STATUS, HAS_NAME | HAS_CODE},
	{EVENT_AMR_ERROR, HAS_CODE},
	{EVENT_SIGN, HAS_NAME},
	{EVENT_DEVICE_LOG, 0},
	{EVENT_SAVED, HAS_NAME},
	{EVENT_REPORTED_ERROR, HAS_NAME | HAS_CODE},
	{EVENT_OUTCOME, 0, .state = outcome_state, .take = take_outcome},
	{EVENT_COMPLAINT, 0},
	{EVENT_CONDITION, HAS_NAME},
	{EVENT_NOTE, HAS_NAME},
	{EVENT_TICKET, 0},
	{EVENT_AMENDMENT, HAS_NAME},
	{EVENT_MEASUREMENT, HAS_NAME | HAS_NUMBER | HAS_CODE},
	{EVENT_SESSION_BEGIN, HAS_NAME},
	{EVENT_SESSION_END, HAS_KNOWN_CODE, .state = outcome_state, .take = take_outcome},
	{EVENT_SILENCE, HAS_NAME | HAS_NUMBER, WORDS(silence_words)},
	{EVENT_LINK_LOST, 0},
	{EVENT_DIAGNOSIS, HAS_NAME, .state = diagnosis_state, .take = take_diagnosis},
	{EVENT_LINK_ERROR, HAS_NAME | HAS_NUMBER | HAS_CODE},
	{EVENT_LINK_CORRECTED, HAS_NUMBER | HAS_LIMIT},
	{EVENT_LINK_QUIET, HAS_NAME | HAS_NUMBER, WORDS(link_quiet_words)},
	{EVENT_LINK_RATE, HAS_NAME | HAS_NUMBER | HAS_CODE | HAS_SILENCE},
};

static const struct record_shape *find_shape(enum event_kind kind)
{
	/* A kind from a later version: only its name is safe to use. */
	static const struct record_shape unknown = {EVENT_NONE, HAS_NAME};

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].kind == kind)
			return &shapes[i];
	return &unknown;
}

static void put_uuid(struct json_builder *builder, struct json_object *object, const char *key,
	const struct uuid *uuid)
{
	char text[UUID_TEXT_SIZE];

	if (uuid_is_none(uuid))
		return;
	uuid_format(uuid, text);
	json_put_text(builder, object, key, text);
}

static void put_ecid(struct json_builder *builder, struct json_object *object, uint64_t ecid)
{
	char text[ECID_TEXT_SIZE];

	ecid_format(ecid, text);
	json_put_known_text(builder, object, "ecid", text);
}

static void put_mode(struct json_builder *builder, struct json_object *object, const char *key,
	enum device_mode mode)
{
	if (mode != MODE_UNKNOWN)
		json_put_text(builder, object, key, device_mode_name(mode));
}

static void put_shaped_fields(
	struct json_builder *builder, struct json_object *object, const struct event *event)
{
	const struct record_shape *shape = find_shape(event->kind);

	if (shape->fields & HAS_NAME)
		json_put_known_text(builder, object, "name", event->name);
	if (shape->fields & HAS_NUMBER)
		json_put_number(builder, object, "number", event->number);
	if (shape->fields & HAS_CODE)
		json_put_number(builder, object, "code", event->code);
	if (shape->fields & HAS_KNOWN_CODE)
		json_put_known_number(builder, object, "code", event->code);
	if (shape->fields & HAS_SILENCE)
		json_put_number(
			builder, object, "silentUSec", (int64_t)event->flag * USEC_PER_MSEC);
	if (shape->fields & HAS_LIMIT)
		json_put_known_number(builder, object, "limit", event->flag);
	if (event->flag < shape->word_count)
		json_put_known_text(builder, object, "state", shape->words[event->flag]);
	if (shape->state)
		json_put_known_text(builder, object, "state", shape->state(event));
	if (shape->fields & HAS_PERMILLE)
		json_put_number(builder, object, "permille", event->permille);
	json_put_known_number(builder, object, "speedMegabitsPerSecond", event->speed_mbps);
	/* Only the USB source sees hubs; 0 from others means nothing. */
	if (event->hub_depth || (shape->fields & HAS_HUB_DEPTH && event->source == SOURCE_USB))
		json_put_number(builder, object, "hubDepth", event->hub_depth);
}

struct json_object *record_to_json(struct json_builder *builder, const struct event *event)
{
	struct json_object *object = json_new_object(builder);

	json_put_number(builder, object, "sequence", (int64_t)event->sequence);
	json_put_number(builder, object, "timeUSec", (int64_t)event->at.wall_us);
	json_put_number(builder, object, "monotonicUSec", (int64_t)event->at.monotonic_us);
	json_put_text(builder, object, "kind", event_kind_name(event->kind));
	json_put_text(builder, object, "source", event_source_name(event->source));
	put_uuid(builder, object, "session", &event->session);
	put_ecid(builder, object, event->ecid);
	json_put_known_text(builder, object, "udid", event->udid);
	json_put_known_text(builder, object, "productType", event->product);
	json_put_known_text(builder, object, "port", event->port);
	put_mode(builder, object, "mode", event->mode);
	put_shaped_fields(builder, object, event);
	json_put_known_text(builder, object, "before", event->before);
	json_put_known_text(builder, object, "by", event->by);
	if (event->text_length > 0)
		json_put_bytes(builder, object, "text", event->text, event->text_length);
	return object;
}

struct json_object *note_to_json(struct json_builder *builder, const struct note *note)
{
	struct json_object *object = json_new_object(builder);

	put_uuid(builder, object, "note", &note->id);
	json_put_number(builder, object, "timeUSec", (int64_t)note->at_us);
	json_put_text(builder, object, "kind", note->kind);
	json_put_text(builder, object, "text", note->text);
	put_uuid(builder, object, "amends", &note->amends);
	json_put_known_text(builder, object, "by", note->by);
	if (note->amended)
		json_put_bool(builder, object, "amended", true);
	return object;
}

/* Copies a text member as clean UTF-8. Returns false if it is not a text or does not fit. */
static bool take_text(struct json_object *object, const char *key, char *out, size_t size)
{
	const char *text = "";
	int r = json_get_text(object, key, &text);

	text_clean(text, strlen(text), out, size);
	return r >= 0 && strlen(text) < size;
}

static bool take_number(
	struct json_object *object, const char *key, int64_t least, int64_t most, int64_t *ret)
{
	int r = json_get_number(object, key, ret);

	return r == 0 || (r > 0 && *ret >= least && *ret <= most);
}

static bool take_keys(struct json_object *object, struct event *event)
{
	const char *ecid = NULL, *udid = NULL, *session = NULL;

	return json_get_text(object, "ecid", &ecid) >= 0 &&
	       json_get_text(object, "udid", &udid) >= 0 &&
	       json_get_text(object, "session", &session) >= 0 &&
	       (!ecid || ecid_parse(ecid, &event->ecid) == 0) &&
	       (!udid || udid_normalize(udid, event->udid) == 0) &&
	       (!session || uuid_parse(session, &event->session) == 0);
}

static void take_state_of(const struct record_shape *shape, struct event *event, const char *word)
{
	for (size_t i = 0; i < shape->word_count; i++)
		if (shape->words[i] && text_equal(shape->words[i], word))
			event->flag = (uint32_t)i;
	if (shape->take)
		shape->take(event, word);
}

static bool take_words(struct json_object *object, struct event *event)
{
	char kind[NAME_SIZE], source[NAME_SIZE], mode[NAME_SIZE], state[NAME_SIZE];

	if (!take_text(object, "kind", kind, sizeof(kind)) ||
		!take_text(object, "source", source, sizeof(source)) ||
		!take_text(object, "mode", mode, sizeof(mode)) ||
		!take_text(object, "state", state, sizeof(state)) ||
		!take_text(object, "name", event->name, sizeof(event->name)) ||
		!take_text(object, "before", event->before, sizeof(event->before)) ||
		!take_text(object, "by", event->by, sizeof(event->by)) ||
		!take_text(object, "port", event->port, sizeof(event->port)) ||
		!take_text(object, "productType", event->product, sizeof(event->product)))
		return false;
	event->kind = event_kind_from_name(kind);
	event->source = event_source_from_name(source);
	event->mode = device_mode_from_name(mode);
	take_state_of(find_shape(event->kind), event, state);
	return event->kind != EVENT_NONE;
}

static bool take_numbers(struct json_object *object, struct event *event)
{
	int64_t sequence = 0, time = 0, monotonic = 0, permille = 0, speed = 0, depth = 0;
	int64_t number = event->number, silent = 0, limit = 0;

	if (!take_number(object, "sequence", 1, INT64_MAX, &sequence) ||
		!take_number(object, "timeUSec", 0, INT64_MAX, &time) ||
		!take_number(object, "monotonicUSec", 0, INT64_MAX, &monotonic) ||
		!take_number(object, "number", 0, UINT32_MAX, &number) ||
		!take_number(object, "code", INT64_MIN, INT64_MAX, &event->code) ||
		!take_number(object, "permille", INT32_MIN, INT32_MAX, &permille) ||
		!take_number(object, "speedMegabitsPerSecond", 0, UINT32_MAX, &speed) ||
		!take_number(object, "hubDepth", 0, UINT32_MAX, &depth) ||
		!take_number(
			object, "silentUSec", 0, UINT32_MAX * (int64_t)USEC_PER_MSEC, &silent) ||
		!take_number(object, "limit", 0, UINT32_MAX, &limit))
		return false;
	event->sequence = (uint64_t)sequence;
	event->at.wall_us = (uint64_t)time;
	event->at.monotonic_us = (uint64_t)monotonic;
	event->number = (uint32_t)number;
	event->permille = (int32_t)permille;
	event->speed_mbps = (uint32_t)speed;
	event->hub_depth = (uint32_t)depth;
	if (silent || limit)
		event->flag = (uint32_t)(silent ? silent / (int64_t)USEC_PER_MSEC : limit);
	return sequence > 0;
}

int record_from_json(
	struct json_object *object, struct event *ret, char text[static EVENT_TEXT_MAX + 1])
{
	struct event event = {0};
	const char *bytes = "";
	size_t length = 0;

	if (!take_keys(object, &event) || !take_words(object, &event) ||
		!take_numbers(object, &event) ||
		json_get_bytes(object, "text", &bytes, &length) < 0)
		return -EINVAL;
	event.text_length = text_clean(bytes, length, text, EVENT_TEXT_MAX + 1);
	event.text = text;
	*ret = event;
	return 0;
}

static struct json_object *fault_to_json(
	struct json_builder *builder, const struct device_record *device)
{
	struct json_object *object = json_new_object(builder);
	struct json_object *records = json_new_array(builder);

	json_put_text(builder, object, "fault", device->fault->id);
	json_put_text(builder, object, "text", device->fault->text);
	json_put_text(builder, object, "advice", device->fault->advice);
	json_put_text(builder, object, "source", device->fault->source);
	json_put_number(builder, object, "sinceUSec", (int64_t)device->listing->missing.wall_us);
	for (size_t i = 0; i < device->listing->record_count; i++)
		json_add_number(builder, records, (int64_t)device->listing->records[i]);
	json_put(builder, object, "records", records);
	return object;
}

struct json_object *device_to_json(struct json_builder *builder, const struct device_record *device)
{
	struct json_object *object = json_new_object(builder);

	put_ecid(builder, object, device->identity->ecid);
	json_put_known_text(builder, object, "udid", device->identity->udid);
	json_put_known_text(builder, object, "productType", device->identity->product);
	json_put_known_text(builder, object, "name", device->name);
	json_put_text(builder, object, "mode", device_mode_name(device->mode));
	json_put_known_text(builder, object, "port", device->port);
	json_put_known_text(builder, object, "portName", device->port_name);
	put_uuid(builder, object, "session", &device->session);
	if (device->fault)
		json_put(builder, object, "fault", fault_to_json(builder, device));
	return object;
}

static struct json_object *health_to_json(struct json_builder *builder, const struct health *health)
{
	struct json_object *object = json_new_object(builder);

	json_put_text(builder, object, "grade", health_grade_name(health->grade));
	json_put_number(builder, object, "attaches", health->attaches);
	json_put_number(builder, object, "expectedDetaches", health->expected_detaches);
	json_put_number(builder, object, "unexpectedDetaches", health->unexpected_detaches);
	json_put_number(builder, object, "silences", health->silences);
	json_put_number(builder, object, "usbErrors", health->usb_errors);
	json_put_number(builder, object, "usbErrorsMasked", health->usb_errors_masked);
	json_put_number(builder, object, "usbmuxdFaults", health->mux_faults);
	if (health->stalls_known)
		json_put_number(builder, object, "stalls", health->stalls);
	if (health->over_currents_known)
		json_put_number(builder, object, "overCurrents", health->over_currents);
	json_put_known_number(builder, object, "suspends", health->suspends);
	if (health->link_bytes || health->link_errors || health->link_corrected) {
		json_put_number(builder, object, "linkErrors", health->link_errors);
		json_put_number(builder, object, "linkCorrected", health->link_corrected);
		json_put_number(builder, object, "linkBytes", (int64_t)health->link_bytes);
	}
	json_put_known_number(builder, object, "speedMegabitsPerSecond", health->speed_mbps);
	if (health->hub_depth_known)
		json_put_number(builder, object, "hubDepth", health->hub_depth);
	return object;
}

static struct json_object *modes_to_json(
	struct json_builder *builder, const struct attempt *attempt)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->mode_count; i++)
		json_add_text(builder, array, device_mode_name(attempt->modes[i].mode));
	return array;
}

static struct json_object *conditions_to_json(
	struct json_builder *builder, const struct condition *conditions, size_t count)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < count; i++) {
		struct json_object *object = json_new_object(builder);

		json_put_text(builder, object, "key", conditions[i].key);
		json_put_text(builder, object, "value", conditions[i].value);
		json_add(builder, array, object);
	}
	return array;
}

struct json_object *amendments_to_json(
	struct json_builder *builder, const struct amendment *amendments, size_t count)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < count; i++) {
		struct json_object *object = json_new_object(builder);

		json_put_number(builder, object, "timeUSec", (int64_t)amendments[i].at_us);
		json_put_known_text(builder, object, "by", amendments[i].by);
		json_put_text(builder, object, "key", amendments[i].key);
		json_put_known_text(builder, object, "before", amendments[i].before);
		json_put_known_text(builder, object, "after", amendments[i].after);
		json_add(builder, array, object);
	}
	return array;
}

struct json_object *place_to_json(struct json_builder *builder, const char *port,
	const struct identity *identity, const struct condition *conditions, size_t count)
{
	struct json_object *object = json_new_object(builder);

	json_put_known_text(builder, object, "port", port);
	put_ecid(builder, object, identity->ecid);
	json_put_known_text(builder, object, "udid", identity->udid);
	json_put(builder, object, "conditions", conditions_to_json(builder, conditions, count));
	return object;
}

/* The tool, the computer and the place of a restore. */
static void put_circumstances(
	struct json_builder *builder, struct json_object *object, const struct attempt *attempt)
{
	json_put_known_text(builder, object, "host", attempt->host);
	json_put_known_text(builder, object, "hostId", attempt->host_id);
	json_put_known_text(builder, object, "tool", attempt->tool);
	json_put_known_text(builder, object, "toolVersion", attempt->version);
	json_put_known_text(builder, object, "action", attempt->action);
	put_mode(builder, object, "entry", attempt->entry);
	json_put_known_text(builder, object, "firmware", attempt->firmware);
	json_put_known_text(builder, object, "port", attempt->port);
	json_put_known_text(builder, object, "ticket", attempt->ticket);
}

static struct json_object *errors_to_json(
	struct json_builder *builder, const struct attempt *attempt)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < attempt->error_count; i++) {
		struct json_object *object = json_new_object(builder);

		json_put_text(builder, object, "domain", attempt->errors[i].domain);
		json_put_number(builder, object, "code", attempt->errors[i].code);
		json_add(builder, array, object);
	}
	return array;
}

/* The progress of a restore, and its end. */
static void put_course(
	struct json_builder *builder, struct json_object *object, const struct attempt *attempt)
{
	json_put_text(builder, object, "stage", restore_stage_name(attempt->stage));
	json_put_known_number(builder, object, "operation", attempt->operation);
	json_put_known_text(builder, object, "operationName", attempt->operation_name);
	if (attempt->permille >= 0)
		json_put_number(builder, object, "permille", attempt->permille);
	json_put_known_number(builder, object, "checkpoint", attempt->checkpoint);
	json_put_known_text(builder, object, "checkpointName", attempt->checkpoint_name);
	if (attempt->status_known)
		json_put_number(builder, object, "status", attempt->status);
	if (attempt->amr_error_known)
		json_put_number(builder, object, "amrError", attempt->amr_error);
	if (attempt->exit_known)
		json_put_number(builder, object, "exitStatus", attempt->exit_status);
	json_put_known_number(builder, object, "itunesCode", attempt->itunes_code);
	if (attempt->error_count)
		json_put(builder, object, "errors", errors_to_json(builder, attempt));
}

struct json_object *session_to_json(
	struct json_builder *builder, const struct session_record *session)
{
	const struct attempt *attempt = session->attempt;
	struct json_object *object = json_new_object(builder);

	put_uuid(builder, object, "session", &attempt->id);
	put_ecid(builder, object, session->identity->ecid);
	json_put_known_text(builder, object, "udid", session->identity->udid);
	json_put_known_text(builder, object, "productType", session->identity->product);
	put_circumstances(builder, object, attempt);
	json_put_number(builder, object, "startedUSec", (int64_t)attempt->started.wall_us);
	json_put_known_number(builder, object, "endedUSec", (int64_t)attempt->ended.wall_us);
	json_put_text(builder, object, "outcome",
		session->running ? "running" : outcome_name(attempt->outcome));
	put_course(builder, object, attempt);
	if (session->budget) {
		json_put_number(builder, object, "silentUSec", (int64_t)session->silent_us);
		json_put_text(builder, object, "budget", session->budget);
		json_put_number(builder, object, "budgetUSec", (int64_t)session->budget_us);
	}
	json_put(builder, object, "modes", modes_to_json(builder, attempt));
	json_put(builder, object, "conditions",
		conditions_to_json(builder, attempt->conditions, attempt->condition_count));
	json_put(builder, object, "health", health_to_json(builder, &attempt->health));
	if (attempt->amendment_count)
		json_put(builder, object, "amendments",
			amendments_to_json(builder, attempt->amendments, attempt->amendment_count));
	return object;
}

struct json_object *group_to_json(struct json_builder *builder, const struct group_record *group)
{
	struct json_object *object = json_new_object(builder);

	json_put_known_text(builder, object, "key", group->key);
	json_put_known_text(builder, object, "name", group->name);
	json_put_known_text(builder, object, "host", group->host);
	json_put_known_text(builder, object, "hostId", group->host_id);
	json_put_number(builder, object, "attempts", (int64_t)group->attempts);
	json_put_number(builder, object, "failed", (int64_t)group->failed);
	json_put_number(builder, object, "succeeded", (int64_t)group->succeeded);
	json_put_number(builder, object, "phones", (int64_t)group->phones);
	if (group->link_bytes) {
		json_put_number(builder, object, "linkErrors", (int64_t)group->link_errors);
		json_put_number(builder, object, "linkBytes", (int64_t)group->link_bytes);
		json_put_number(builder, object, "linkMilliseconds", (int64_t)group->link_ms);
	}
	return object;
}
