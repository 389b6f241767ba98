/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/methods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "daemon/server/streams.h"

#define CALL_BYTES 4096 /* of the casebook, for a call that stores a few words */

/* What a call costs of its user's day, and whether the casebook must have room for it. */
enum cost {
	COST_NOTHING,
	COST_BYTES, /* of the call: the records of a session are limited */
	COST_CALL,  /* and CALL_BYTES */
	COST_ROOM,  /* the same, and the casebook must not be full */
};

struct method {
	const char *name; /* with the interface's name */
	enum access access;
	bool more_required; /* useless without `more` */
	const struct parameter *parameters;
	method_handler *handle;
	enum cost cost;
	const struct query_method *query; /* instead of `handle`: a method of common/query */
};

static int get_info(struct request *request)
{
	struct json_builder *builder = &request->call.builder;
	struct json_object *answer = request->call.answer, *interfaces = json_new_array(builder);

	json_put_text(builder, answer, "vendor", "idevicetriage");
	json_put_text(builder, answer, "product", "idevicetriaged");
	json_put_text(builder, answer, "version", request->api->parts.version);
	json_put_text(builder, answer, "url", "man:idevicetriage-api(7)");
	json_add_text(builder, interfaces, VARLINK_SERVICE);
	json_add_text(builder, interfaces, VARLINK_INTERFACE);
	json_put(builder, answer, "interfaces", interfaces);
	return API_OK;
}

static int get_interface_description(struct request *request)
{
	static const struct {
		const char *name;
		const char *text;
	} descriptions[] = {
		{VARLINK_INTERFACE, varlink_interface_text},
		{VARLINK_SERVICE, varlink_service_text},
	};
	struct call *call = &request->call;

	for (size_t i = 0; i < ARRAY_SIZE(descriptions); i++) {
		if (!text_equal(descriptions[i].name, call_text(call, "interface")))
			continue;
		json_put_text(&call->builder, call->answer, "description", descriptions[i].text);
		return API_OK;
	}
	return API_INTERFACE_NOT_FOUND;
}

static struct json_object *sources_to_json(
	struct json_builder *builder, const struct source_states *sources)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < sources->count; i++) {
		struct json_object *source = json_new_object(builder);

		json_put_text(builder, source, "name", sources->states[i].name);
		json_put_bool(builder, source, "up", sources->states[i].up);
		if (sources->states[i].not_installed)
			json_put_bool(builder, source, "absent", true);
		json_put_known_text(builder, source, "detail", sources->states[i].detail);
		json_add(builder, array, source);
	}
	return array;
}

static struct json_object *running_ids(struct json_builder *builder, const struct bench *bench)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);
		char text[UUID_TEXT_SIZE];

		if (!session->running)
			continue;
		uuid_format(&session->attempt.id, text);
		json_add_text(builder, array, text);
	}
	return array;
}

static size_t count_devices(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench_device_count(bench); i++)
		count += bench_device(bench, i)->mode != MODE_GONE;
	return count;
}

static struct status current_status(const struct api_parts *parts)
{
	struct ring_extent extent = ring_reader_extent(parts->store->reader);
	struct casebook_file *file = sealer_casebook(parts->sealer);
	struct status status = {
		.source_changes = parts->sources->changes,
		.devices = count_devices(parts->store->bench),
		.casebook_limit = parts->limits.casebook_bytes,
	};

	if (extent.head != extent.tail) {
		status.first = extent.tail_sequence;
		status.last = extent.next_sequence - 1;
	}
	if (file)
		(void)casebook_file_bytes(file, &status.casebook_bytes);
	return status;
}

static struct json_object *status_to_json(
	struct json_builder *builder, const struct api_parts *parts, const struct status *status)
{
	struct json_object *answer = json_new_object(builder);

	json_put_text(builder, answer, "bench", parts->store->bench_name);
	json_put_text(builder, answer, "hostId", parts->store->host_id);
	json_put_text(builder, answer, "version", parts->version);
	json_put_number(builder, answer, "startedUSec", (int64_t)parts->started.wall_us);
	json_put(builder, answer, "sources", sources_to_json(builder, parts->sources));
	json_put_number(builder, answer, "deviceCount", (int64_t)status->devices);
	json_put(builder, answer, "runningSessions", running_ids(builder, parts->store->bench));
	json_put_number(builder, answer, "ringBytes", (int64_t)parts->ring_bytes);
	json_put_number(builder, answer, "firstSequence", (int64_t)status->first);
	json_put_number(builder, answer, "lastSequence", (int64_t)status->last);
	json_put_number(builder, answer, "damagedRecords", (int64_t)parts->damaged_records);
	json_put_known_number(builder, answer, "casebookBytes", (int64_t)status->casebook_bytes);
	json_put_number(builder, answer, "casebookLimit", (int64_t)status->casebook_limit);
	return answer;
}

/* Programs ask often, and seldom has anything changed. */
static int get_status(struct request *request)
{
	struct api *api = request->api;
	struct call *call = &request->call;
	struct status now = current_status(&api->parts);

	if (!api->status || memcmp(&now, &api->status_of, sizeof(now)) != 0) {
		json_object_put(api->status);
		api->status = json_freeze(
			&call->builder, json_finish(&call->builder,
						status_to_json(&call->builder, &api->parts, &now)));
		api->status_of = now;
	}
	json_object_put(call->answer);
	call->answer = json_object_get(api->status);
	return API_OK;
}

/* With `more`: sends the rest of the log, then new records. */
static int follow_log(struct request *request)
{
	struct stream_log log = {0};
	struct call *call = &request->call;
	int64_t after = 0;
	int r = call_session(call, &log.session);

	if (r == API_OK)
		r = call_limit(call, VARLINK_RECORDS_MAX, &log.limit);
	if (r != API_OK)
		return r;
	if (!uuid_is_none(&log.session) &&
		!store_has_session(request->api->parts.store, &log.session))
		return API_NO_SUCH_SESSION;
	call_number(call, "after", &after);
	log.after = (uint64_t)after;
	r = stream_read_log(request->api, request->peer, &log);
	request->streaming = r == 0;
	return r;
}

static int watch(struct request *request)
{
	int64_t number = 0;
	bool resumes = call_number(&request->call, "after", &number);
	uint64_t after = (uint64_t)number;
	int r = stream_watch(request->api, request->peer, resumes ? &after : NULL);

	request->streaming = r == 0;
	return r;
}

/* Reads a condition as a person would type it. Returns false if it is invalid. */
static bool read_condition(struct json_object *object, struct condition *ret)
{
	const char *key, *value;

	if (json_object_object_length(object) != 2 || json_get_text(object, "key", &key) <= 0 ||
		json_get_text(object, "value", &value) <= 0 || !key[0])
		return false;
	*ret = (struct condition){0};
	if (strlen(key) >= sizeof(ret->key) || strlen(value) >= sizeof(ret->value))
		return false;
	text_clean(key, strlen(key), ret->key, sizeof(ret->key));
	text_clean(value, strlen(value), ret->value, sizeof(ret->value));
	return true;
}

int methods_conditions(struct call *call,
	struct condition conditions[static ATTEMPT_CONDITIONS_MAX], size_t *ret_count)
{
	struct json_object *array = NULL;
	size_t count;

	json_get_array(call->parameters, "conditions", &array);
	count = json_count(array);
	if (count > ATTEMPT_CONDITIONS_MAX)
		return call_bad(call, "conditions");
	for (size_t i = 0; i < count; i++)
		if (!read_condition(json_object_array_get_idx(array, i), &conditions[i]))
			return call_bad(call, "conditions");
	*ret_count = count;
	return API_OK;
}

void methods_who(const struct request *request, char by[static BY_SIZE])
{
	const char *said = call_text(&request->call, "by");

	snprintf(by, BY_SIZE, "uid %u", (unsigned)peer_user(request->peer));
	if (said && *said)
		text_clean(said, strlen(said), by, BY_SIZE);
}

static const struct parameter no_parameters[] = {PARAMETERS_END};
static const struct parameter description_parameters[] = {
	{"interface", PARAMETER_TEXT, true}, PARAMETERS_END};
static const struct parameter watch_parameters[] = {
	{"after", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter begin_parameters[] = {{"tool", PARAMETER_TEXT, true},
	{"toolVersion", PARAMETER_TEXT, false}, {"program", PARAMETER_TEXTS, false},
	{"arguments", PARAMETER_TEXTS, true}, {"conditions", PARAMETER_OBJECTS, true},
	{"ticket", PARAMETER_TEXT, false}, {"ecid", PARAMETER_TEXT, false},
	{"udid", PARAMETER_TEXT, false}, {"port", PARAMETER_TEXT, false},
	{"log", PARAMETER_TEXT, false}, PARAMETERS_END};
static const struct parameter append_parameters[] = {{"session", PARAMETER_TEXT, true},
	{"offset", PARAMETER_COUNT, true}, {"text", PARAMETER_BYTES, true}, PARAMETERS_END};
static const struct parameter end_parameters[] = {{"session", PARAMETER_TEXT, true},
	{"exitStatus", PARAMETER_COUNT, false}, {"signal", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter add_parameters[] = {{"case", PARAMETER_OBJECT, true}, PARAMETERS_END};
static const struct parameter attempts_parameters[] = {
	{"attempts", PARAMETER_OBJECTS, true}, PARAMETERS_END};
static const struct parameter change_parameters[] = {
	{"change", PARAMETER_OBJECT, true}, PARAMETERS_END};
static const struct parameter amend_parameters[] = {{"session", PARAMETER_TEXT, true},
	{"changes", PARAMETER_OBJECTS, true}, {"by", PARAMETER_TEXT, false}, PARAMETERS_END};
static const struct parameter records_parameters[] = {
	{"session", PARAMETER_TEXT, true}, {"records", PARAMETER_OBJECTS, true}, PARAMETERS_END};
static const struct parameter purge_parameters[] = {
	{"device", PARAMETER_TEXT, false}, {"beforeUSec", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter conditions_parameters[] = {
	{"place", PARAMETER_TEXT, true}, {"conditions", PARAMETER_OBJECTS, true}, PARAMETERS_END};
static const struct parameter note_parameters[] = {{"device", PARAMETER_TEXT, true},
	{"kind", PARAMETER_TEXT, false}, {"text", PARAMETER_TEXT, true},
	{"amends", PARAMETER_TEXT, false}, {"by", PARAMETER_TEXT, false}, PARAMETERS_END};

static const struct parameter measurement_parameters[] = {{"device", PARAMETER_TEXT, true},
	{"source", PARAMETER_TEXT, true}, {"timeUSec", PARAMETER_COUNT, false},
	{"millivolts", PARAMETER_COUNT, true}, {"microamperes", PARAMETER_NUMBER, true},
	PARAMETERS_END};

#define OWN(name) VARLINK_INTERFACE "." name
#define SERVICE(name) VARLINK_SERVICE "." name

/* The methods that change something; common/query has the reading ones. */
static const struct method methods[] = {
	{SERVICE("GetInfo"), ACCESS_READ, false, no_parameters, get_info},
	{SERVICE("GetInterfaceDescription"), ACCESS_READ, false, description_parameters,
		get_interface_description},
	{OWN("GetStatus"), ACCESS_READ, false, no_parameters, get_status},
	{OWN("Watch"), ACCESS_READ, true, watch_parameters, watch},
	{OWN("BeginRun"), ACCESS_WRITE, false, begin_parameters, methods_begin_run, COST_CALL},
	{OWN("AppendLog"), ACCESS_WRITE, false, append_parameters, methods_append_log, COST_BYTES},
	{OWN("EndRun"), ACCESS_WRITE, false, end_parameters, methods_end_run},
	{OWN("SetConditions"), ACCESS_WRITE, false, conditions_parameters, methods_set_conditions,
		COST_CALL},
	{OWN("AddNote"), ACCESS_WRITE, false, note_parameters, methods_add_note, COST_ROOM},
	{OWN("AddMeasurement"), ACCESS_WRITE, false, measurement_parameters,
		methods_add_measurement, COST_BYTES},
	{OWN("AddAttempt"), ACCESS_WRITE, false, add_parameters, methods_add_attempt, COST_ROOM},
	{OWN("AddAttempts"), ACCESS_WRITE, false, attempts_parameters, methods_add_attempts,
		COST_ROOM},
	/* A purge needs no room: the method asks for it. */
	{OWN("AddChange"), ACCESS_WRITE, false, change_parameters, methods_add_change, COST_CALL},
	{OWN("AmendAttempt"), ACCESS_WRITE, false, amend_parameters, methods_amend_attempt,
		COST_ROOM},
	{OWN("AddRecords"), ACCESS_WRITE, false, records_parameters, methods_add_records,
		COST_ROOM},
	{OWN("MergeRecords"), ACCESS_WRITE, false, records_parameters, methods_merge_records,
		COST_ROOM},
	{OWN("Purge"), ACCESS_ADMIN, false, purge_parameters, methods_purge},
};

static bool find_method(const char *name, struct method *ret)
{
	const struct query_method *query;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (text_equal(methods[i].name, name)) {
			*ret = methods[i];
			return true;
		}
	query = query_find(name);
	if (query)
		*ret = (struct method){
			name, ACCESS_READ, .parameters = query->parameters, .query = query};
	return query;
}

static int check_call(struct request *request, const struct method *method)
{
	const struct varlink_call *message = request->message;
	int r;

	if (!(peer_access(request->peer) & method->access))
		return API_NOT_ALLOWED;
	r = call_check(&request->call, method->parameters);
	/* A oneway caller cannot get a stream. */
	if (r == API_OK && method->more_required && (!message->more || message->oneway))
		return API_EXPECTED_MORE;
	return r;
}

/* Whether the user may send more today. */
static int check_day(struct request *request, enum cost cost)
{
	struct api *api = request->api;
	uint64_t bytes = request->message->length + (cost >= COST_CALL ? CALL_BYTES : 0);
	uint64_t limit = api->parts.limits.daily_bytes;

	if (cost == COST_NOTHING || limit == 0 || peer_access(request->peer) & ACCESS_EXCHANGE ||
		quota_spend(&api->quota, peer_user(request->peer), bytes, limit,
			clock_now().monotonic_us / USEC_PER_SEC))
		return API_OK;
	request->call.number = (int64_t)limit;
	return API_DAILY_LIMIT;
}

int methods_check_room(struct request *request)
{
	const struct api_parts *parts = &request->api->parts;
	struct casebook_file *file = sealer_casebook(parts->sealer);
	int r = file ? casebook_file_room(file) : 0;

	if (r < 0)
		return call_no_casebook(&request->call, r);
	request->call.number = (int64_t)parts->limits.casebook_bytes;
	return r == CASEBOOK_FULL ? API_CASEBOOK_FULL : API_OK;
}

static int call_query(struct request *request, const struct query_method *query)
{
	if (request->message->more && text_equal(query->name, "ReadLog"))
		return follow_log(request);
	return query_answer(&request->api->query, query, &request->call);
}

static int call_handler(struct request *request, const struct method *method)
{
	struct store *store = request->api->parts.store;
	int r;

	if (method->query)
		return call_query(request, method->query);
	store->error = 0;
	r = method->handle(request);
	/* Nobody knows what an unreadable casebook has. */
	if (store->error < 0 && (r == API_NO_SUCH_DEVICE || r == API_NO_SUCH_SESSION))
		return call_no_casebook(&request->call, store->error);
	return r;
}

static void finish(struct request *request, int result)
{
	CLEANUP(json_object_putp) struct json_object *answer = TAKE_PTR(request->call.answer);
	struct json_builder *builder = &request->call.builder;
	struct json_object *parameters;
	const char *name;

	if (request->message->oneway || request->streaming)
		return;
	if (result == API_OK) {
		peer_send(request->peer, varlink_reply_new(builder, TAKE_PTR(answer), false));
		return;
	}
	parameters = call_refuse(&request->call, result, &name);
	peer_send(request->peer, varlink_error_new(builder, name, parameters));
}

void methods_call(void *user, struct peer *peer, struct varlink_call *message)
{
	struct method method = {0};
	bool found = find_method(message->method, &method);
	struct request request = {.api = user,
		.peer = peer,
		.message = message,
		.call = {.method = message->method, .parameters = message->parameters}};
	int r;

	/* A oneway call of a reading method: there is nothing to do. */
	if (found && message->oneway && method.access == ACCESS_READ)
		return;
	request.call.answer = json_new_object(&request.call.builder);
	r = found ? check_call(&request, &method) : API_METHOD_NOT_FOUND;
	if (r == API_OK && method.cost == COST_ROOM)
		r = methods_check_room(&request);
	if (r == API_OK)
		r = check_day(&request, method.cost);
	if (r == API_OK)
		r = call_handler(&request, &method);
	if (r == API_NOT_ALLOWED || r == API_METHOD_NOT_FOUND)
		request.call.detail = message->method;
	finish(&request, r);
}
