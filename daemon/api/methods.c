/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/methods.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "daemon/api/collect.h"
#include "daemon/api/keep.h"
#include "daemon/api/request.h"
#include "daemon/api/run.h"
#include "daemon/api/tell.h"
#include "daemon/api/watch.h"

/* Fills request->answer, or begins a stream. Returns 0, or a negative errno that request_finish()
 * tells. */
typedef int method_handler(struct request *request);

struct method {
	const char *name; /* whole */
	enum access access;
	bool more_required; /* has no sense without `more` */
	const struct parameter *parameters;
	method_handler *handle;
};

static int get_info(struct request *request)
{
	struct json_builder *builder = &request->builder;
	struct json_object *interfaces = json_new_array(builder);

	json_put_text(builder, request->answer, "vendor", "idevicetriage");
	json_put_text(builder, request->answer, "product", "idevicetriaged");
	json_put_text(builder, request->answer, "version", request->api->version);
	json_put_text(builder, request->answer, "url", "man:idevicetriage-api(7)");
	json_add_text(builder, interfaces, VARLINK_SERVICE);
	json_add_text(builder, interfaces, VARLINK_INTERFACE);
	json_put(builder, request->answer, "interfaces", interfaces);
	return 0;
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
	const char *name = request_text(request, "interface");

	for (size_t i = 0; i < ARRAY_SIZE(descriptions); i++) {
		if (!text_equal(descriptions[i].name, name))
			continue;
		json_put_text(
			&request->builder, request->answer, "description", descriptions[i].text);
		return 0;
	}
	return REQUEST_NO_INTERFACE;
}

static bool count_device(void *context, const struct device_record *device)
{
	size_t *count = context;

	*count += device->mode != MODE_GONE;
	return true;
}

static bool add_session_id(void *context, const struct session_record *session)
{
	struct collection *running = context;
	char text[UUID_TEXT_SIZE];

	uuid_format(&session->attempt->id, text);
	json_add_text(running->builder, running->array, text);
	return true;
}

static struct json_object *sources_to_json(
	struct json_builder *builder, const struct api_status *status)
{
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; i < status->source_count; i++) {
		struct json_object *source = json_new_object(builder);

		json_put_text(builder, source, "name", status->sources[i].name);
		json_put_bool(builder, source, "up", status->sources[i].up);
		json_put_known_text(builder, source, "detail", status->sources[i].detail);
		json_add(builder, array, source);
	}
	return array;
}

static int get_status(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct json_builder *builder = &request->builder;
	struct json_object *answer = request->answer;
	struct collection running = {.builder = builder, .array = json_new_array(builder)};
	struct api_status status = {0};
	size_t devices = 0;
	int r;

	r = backend->sessions(
		backend->user, &(struct api_sessions){.running = true}, add_session_id, &running);
	json_put(builder, answer, "runningSessions", running.array);
	if (r < 0)
		return r;
	backend->devices(backend->user, count_device, &devices);
	backend->status(backend->user, &status);
	json_put_text(builder, answer, "bench", status.bench);
	json_put_text(builder, answer, "version", request->api->version);
	json_put_number(builder, answer, "startedUSec", (int64_t)status.started_us);
	json_put(builder, answer, "sources", sources_to_json(builder, &status));
	json_put_number(builder, answer, "deviceCount", (int64_t)devices);
	json_put_number(builder, answer, "ringBytes", (int64_t)status.ring_bytes);
	json_put_number(builder, answer, "firstSequence", (int64_t)status.first_sequence);
	json_put_number(builder, answer, "lastSequence", (int64_t)status.last_sequence);
	json_put_number(builder, answer, "damagedRecords", (int64_t)status.damaged_records);
	return 0;
}

static int list_devices(struct request *request)
{
	json_put(&request->builder, request->answer, "devices",
		collect_devices(request->api, &request->builder));
	return 0;
}

static int list_sessions(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct collection sessions = {.builder = &request->builder};
	const struct api_sessions query = {.device = request_text(request, "device")};
	int r = request_limit(request, SESSIONS_MAX, &sessions.room);

	if (r < 0)
		return r;
	sessions.array = json_new_array(&request->builder);
	r = backend->sessions(backend->user, &query, collect_session, &sessions);
	json_put(&request->builder, request->answer, "sessions", sessions.array);
	return r;
}

static bool ignore_session(void *context, const struct session_record *session)
{
	return false;
}

/* What is left of the log now. */
static int read_log_once(struct request *request, const struct stream_log *log)
{
	const struct api_backend *backend = &request->api->backend;
	struct collection records = {.builder = &request->builder,
		.array = json_new_array(&request->builder),
		.room = log->limit,
		.bytes_room = REPLY_BYTES};
	uint64_t lost = 0;
	int r;

	r = backend->records(backend->user, uuid_is_none(&log->session) ? NULL : &log->session,
		log->after, collect_record, &records, &lost);
	json_put(&request->builder, request->answer, "records", records.array);
	json_put_number(&request->builder, request->answer, "lost", (int64_t)lost);
	return r;
}

static int read_log(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct stream_log log = {0};
	int64_t after = 0;
	int r;

	r = request_session(request, &log.session);
	if (r >= 0 && request_text(request, "session"))
		r = backend->session(backend->user, &log.session, ignore_session, NULL);
	if (r >= 0)
		r = request_limit(request, VARLINK_RECORDS_MAX, &log.limit);
	if (r < 0)
		return r;
	request_number(request, "after", &after);
	log.after = (uint64_t)after;
	if (!request->call->more)
		return read_log_once(request, &log);
	r = stream_read_log(request->api, request->peer, &log);
	request->streaming = r >= 0;
	return r;
}

static int watch(struct request *request)
{
	int64_t number = 0;
	bool resumes = request_number(request, "after", &number);
	uint64_t after = (uint64_t)number;
	int r = stream_watch(request->api, request->peer, resumes ? &after : NULL);

	request->streaming = r >= 0;
	return r;
}

struct diagnosis {
	struct collection sessions;
	struct json_object *device;
};

static bool take_device(void *context, const struct device_record *device)
{
	struct diagnosis *diagnosis = context;

	if (!diagnosis->device)
		diagnosis->device = device_to_json(diagnosis->sessions.builder, device);
	return false;
}

static bool take_session(void *context, const struct session_record *session)
{
	struct diagnosis *diagnosis = context;

	return collect_session(&diagnosis->sessions, session);
}

/* Asks the backend, and puts what it showed into the answer. */
static int diagnose_query(
	struct request *request, const struct api_diagnose *query, struct verdict *verdict)
{
	const struct api_backend *backend = &request->api->backend;
	struct json_builder *builder = &request->builder;
	struct diagnosis diagnosis = {.sessions = {.builder = builder,
					      .array = json_new_array(builder),
					      .room = SESSIONS_MAX}};
	int r;

	r = backend->diagnose(backend->user, query, verdict, take_device, take_session, &diagnosis);
	json_put(builder, request->answer, "sessions", diagnosis.sessions.array);
	if (diagnosis.device)
		json_put(builder, request->answer, "device", diagnosis.device);
	return r;
}

static int diagnose_case(struct request *request)
{
	CLEANUP(freep) struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct api_diagnose query = {.device = request_text(request, "device")};
	struct uuid session;
	int r;

	r = verdict ? request_session(request, &session) : -ENOMEM;
	if (r < 0)
		return r;
	if (request_text(request, "session"))
		query.session = &session;
	r = diagnose_query(request, &query, verdict);
	if (r < 0)
		return r;
	json_put(&request->builder, request->answer, "verdict",
		verdict_to_json(&request->builder, verdict));
	return 0;
}

#define END                                                                                        \
	{                                                                                          \
		NULL, PARAMETER_TEXT, false                                                        \
	}

static const struct parameter no_parameters[] = {END};

static const struct parameter description_parameters[] = {{"interface", PARAMETER_TEXT, true}, END};

static const struct parameter sessions_parameters[] = {
	{"device", PARAMETER_TEXT, false}, {"limit", PARAMETER_COUNT, false}, END};

static const struct parameter log_parameters[] = {{"session", PARAMETER_TEXT, false},
	{"after", PARAMETER_COUNT, false}, {"limit", PARAMETER_COUNT, false}, END};

static const struct parameter diagnose_parameters[] = {
	{"device", PARAMETER_TEXT, false}, {"session", PARAMETER_TEXT, false}, END};

static const struct parameter watch_parameters[] = {{"after", PARAMETER_COUNT, false}, END};

static const struct parameter begin_parameters[] = {{"tool", PARAMETER_TEXT, true},
	{"toolVersion", PARAMETER_TEXT, false}, {"arguments", PARAMETER_TEXTS, true},
	{"conditions", PARAMETER_OBJECTS, true}, {"ticket", PARAMETER_TEXT, false},
	{"ecid", PARAMETER_TEXT, false}, {"udid", PARAMETER_TEXT, false},
	{"port", PARAMETER_TEXT, false}, END};

static const struct parameter append_parameters[] = {{"session", PARAMETER_TEXT, true},
	{"offset", PARAMETER_COUNT, true}, {"text", PARAMETER_BYTES, true}, END};

static const struct parameter end_parameters[] = {{"session", PARAMETER_TEXT, true},
	{"exitStatus", PARAMETER_COUNT, false}, {"signal", PARAMETER_COUNT, false}, END};

static const struct parameter device_parameters[] = {{"device", PARAMETER_TEXT, true}, END};

static const struct parameter session_parameters[] = {{"session", PARAMETER_TEXT, true}, END};

static const struct parameter add_parameters[] = {{"case", PARAMETER_OBJECT, true}, END};

static const struct parameter records_parameters[] = {
	{"session", PARAMETER_TEXT, true}, {"records", PARAMETER_OBJECTS, true}, END};

static const struct parameter purge_parameters[] = {
	{"device", PARAMETER_TEXT, false}, {"beforeUSec", PARAMETER_COUNT, false}, END};

static const struct parameter get_conditions_parameters[] = {{"place", PARAMETER_TEXT, false}, END};

static const struct parameter set_conditions_parameters[] = {
	{"place", PARAMETER_TEXT, true}, {"conditions", PARAMETER_OBJECTS, true}, END};

static const struct parameter note_parameters[] = {{"device", PARAMETER_TEXT, true},
	{"kind", PARAMETER_TEXT, false}, {"text", PARAMETER_TEXT, true}, END};

static const struct parameter statistics_parameters[] = {
	{"by", PARAMETER_TEXT, false}, {"sinceUSec", PARAMETER_COUNT, false}, END};

#define OWN(name) VARLINK_INTERFACE "." name
#define SERVICE(name) VARLINK_SERVICE "." name

static const struct method methods[] = {
	{SERVICE("GetInfo"), ACCESS_READ, false, no_parameters, get_info},
	{SERVICE("GetInterfaceDescription"), ACCESS_READ, false, description_parameters,
		get_interface_description},
	{OWN("GetStatus"), ACCESS_READ, false, no_parameters, get_status},
	{OWN("ListDevices"), ACCESS_READ, false, no_parameters, list_devices},
	{OWN("ListSessions"), ACCESS_READ, false, sessions_parameters, list_sessions},
	{OWN("ReadLog"), ACCESS_READ, false, log_parameters, read_log},
	{OWN("Diagnose"), ACCESS_READ, false, diagnose_parameters, diagnose_case},
	{OWN("Watch"), ACCESS_READ, true, watch_parameters, watch},
	{OWN("BeginRun"), ACCESS_WRITE, false, begin_parameters, run_begin},
	{OWN("AppendLog"), ACCESS_WRITE, false, append_parameters, run_append_log},
	{OWN("EndRun"), ACCESS_WRITE, false, end_parameters, run_end},
	{OWN("GetConditions"), ACCESS_READ, false, get_conditions_parameters, tell_get_conditions},
	{OWN("SetConditions"), ACCESS_WRITE, false, set_conditions_parameters, tell_set_conditions},
	{OWN("GetCase"), ACCESS_READ, false, device_parameters, keep_get_case},
	{OWN("GetStatistics"), ACCESS_READ, false, statistics_parameters, tell_get_statistics},
	{OWN("AddNote"), ACCESS_WRITE, false, note_parameters, tell_add_note},
	{OWN("AddAttempt"), ACCESS_WRITE, false, add_parameters, keep_add_attempt},
	{OWN("AddRecords"), ACCESS_WRITE, false, records_parameters, keep_add_records},
	{OWN("ExportAttempt"), ACCESS_READ, false, session_parameters, keep_export_attempt},
	{OWN("Purge"), ACCESS_ADMIN, false, purge_parameters, keep_purge},
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (text_equal(methods[i].name, name))
			return &methods[i];
	return NULL;
}

void methods_call(struct api *api, struct peer *peer, const struct varlink_call *call)
{
	const struct method *method = find_method(call->method);
	struct request request = {
		.api = api, .peer = peer, .call = call, .parameters = call->parameters};
	int r;

	if (!method) {
		request_protocol_error(
			&request, VARLINK_SERVICE ".MethodNotFound", "method", call->method);
		return;
	}
	if (!(peer_access(peer) & method->access)) {
		request_protocol_error(
			&request, VARLINK_INTERFACE ".NotAllowed", "method", call->method);
		return;
	}
	r = request_check(&request, method->parameters);
	/* Whoever wants no answer cannot be sent a stream. */
	if (r >= 0 && method->more_required && (!call->more || call->oneway)) {
		request_protocol_error(&request, VARLINK_SERVICE ".ExpectedMore", NULL, NULL);
		return;
	}
	request.answer = json_new_object(&request.builder);
	if (r >= 0)
		r = method->handle(&request);
	request_finish(&request, r);
}
