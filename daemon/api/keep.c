/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/keep.h"

#include <errno.h>
#include <string.h>

#include "daemon/api/collect.h"

/* What a case is collected into. */
struct case_answer {
	struct collection sessions;
	struct json_builder *builder;
	struct json_object *device;
	struct json_object *notes;
};

static bool take_device(void *context, const struct device_record *device)
{
	struct case_answer *answer = context;

	answer->device = device_to_json(answer->builder, device);
	return false;
}

static bool take_note(void *context, const struct event *note)
{
	struct case_answer *answer = context;

	json_add(answer->builder, answer->notes, note_to_json(answer->builder, note));
	return true;
}

static bool take_session(void *context, const struct session_record *session)
{
	struct case_answer *answer = context;

	return collect_session(&answer->sessions, session);
}

int keep_get_case(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct json_builder *builder = &request->builder;
	struct case_answer answer = {
		.builder = builder,
		.notes = json_new_array(builder),
		.sessions = {.builder = builder,
			.array = json_new_array(builder),
			.room = SESSIONS_MAX},
	};
	int r = backend->get_case(backend->user, request_text(request, "device"), take_device,
		take_note, take_session, &answer);

	json_put(builder, request->answer, "notes", answer.notes);
	json_put(builder, request->answer, "sessions", answer.sessions.array);
	if (answer.device)
		json_put(builder, request->answer, "device", answer.device);
	return r;
}

int keep_add_attempt(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct json_object *object = NULL;
	char id[UUID_TEXT_SIZE];
	struct uuid session;
	const char *text;
	size_t length;
	int r;

	json_get_object(request->parameters, "case", &object);
	text = json_write(object, &length);
	if (!text)
		return -ENOMEM;
	r = backend->add_attempt(backend->user, text, length, &session);
	if (r < 0)
		return r == -EBADMSG ? request_bad(request, "case") : r;
	uuid_format(&session, id);
	json_put_text(&request->builder, request->answer, "session", id);
	json_put_bool(&request->builder, request->answer, "added", r > 0);
	return 0;
}

/* The records of a call, one after the other. */
struct given_records {
	struct json_object *array;
	size_t next;
	char text[EVENT_TEXT_MAX + 1];
};

static int next_record(void *context, struct event *ret)
{
	struct given_records *given = context;
	int r;

	if (given->next == json_object_array_length(given->array))
		return 0;
	r = record_from_json(
		json_object_array_get_idx(given->array, given->next++), ret, given->text);
	return r < 0 ? r : 1;
}

int keep_add_records(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct given_records given = {0};
	struct uuid session;
	int r = request_session(request, &session);

	json_get_array(request->parameters, "records", &given.array);
	if (r >= 0)
		r = backend->add_records(backend->user, &session, next_record, &given);
	return r == -EINVAL ? request_bad(request, "records") : r;
}

int keep_export_attempt(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	CLEANUP(freep) char *text = NULL;
	struct json_object *object;
	struct uuid session;
	int r = request_session(request, &session);

	if (r >= 0)
		r = backend->export_attempt(backend->user, &session, &text);
	if (r >= 0)
		r = json_read(text, strlen(text), &object);
	if (r < 0)
		return r;
	json_put(&request->builder, request->answer, "case", object);
	return 0;
}

int keep_purge(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct api_purge purge = {.device = request_text(request, "device")};
	uint64_t attempts = 0;
	int64_t before = 0;
	int r;

	if (request_number(request, "beforeUSec", &before))
		purge.before_us = (uint64_t)before;
	if (!purge.device && !purge.before_us)
		return request_bad(request, "device");
	r = backend->purge(backend->user, &purge, &attempts);
	if (r < 0)
		return r;
	json_put_number(&request->builder, request->answer, "attempts", (int64_t)attempts);
	return 0;
}
