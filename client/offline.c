/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/offline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/name.h"
#include "client/output.h"
#include "common/base/text.h"
#include "common/ringfile/ringfile.h"
#include "common/triage/bench.h"
#include "common/triage/model.h"
#include "common/wire/records.h"

#define RING_NAME "ring"

/* The ring, and what the bench knew at its end. */
struct past {
	struct ring_map *map;
	struct bench *bench;
	struct json_object *sessions; /* list of Session, newest first */
};

static void past_done(struct past *past)
{
	past->map = ring_map_free(past->map);
	past->bench = bench_free(past->bench);
	json_object_putp(&past->sessions);
}

/* Nothing is recorded and nothing begins: the past is only read. */
static uint64_t keep_nothing(void *user, const struct event *event)
{
	return event->sequence;
}

static struct uuid name_nothing(void *user, struct stamp now)
{
	return (struct uuid){{0}};
}

static void cursor_freep(struct ring_cursor **cursor)
{
	free(*cursor);
}

/* The event of a record; false where this version cannot read it. It borrows from the record. */
static bool read_event(const struct ring_record *record, struct event *ret)
{
	if (event_decode(record->payload, record->length, ret) < 0)
		return false;
	ret->sequence = record->sequence;
	ret->at = record->at;
	ret->session = record->session;
	ret->kind = (enum event_kind)record->kind;
	return true;
}

static int replay(struct past *past)
{
	CLEANUP(cursor_freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	struct event event;
	int r;

	past->bench = bench_new("", 100, keep_nothing, name_nothing, NULL);
	if (!cursor || !past->bench)
		return -ENOMEM;
	ring_cursor_first(cursor, ring_map_reader(past->map));
	while ((r = ring_cursor_next(cursor, &record)) > 0)
		if (read_event(&record, &event))
			bench_replay(past->bench, &event);
	return r;
}

static struct json_object *describe(struct json_builder *builder, const struct session *session)
{
	return session_to_json(builder, &(struct session_record){
						.attempt = &session->attempt,
						.identity = &session->identity,
						.running = session->running,
					});
}

static int list_sessions(struct past *past)
{
	struct json_builder builder = {0};
	struct json_object *list = json_new_array(&builder);

	for (size_t i = bench_session_count(past->bench); i > 0; i--)
		json_add(&builder, list, describe(&builder, bench_session(past->bench, i - 1)));
	past->sessions = json_finish(&builder, list);
	return past->sessions ? 0 : -ENOMEM;
}

/* Reads the ring in the state directory. Returns an exit code. */
static int past_open(struct context *context, int error, struct past *past)
{
	CLEANUP(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", context->state_dir, RING_NAME) < 0) {
		path = NULL;
		return say_no_memory();
	}
	r = ring_map_open(path, &past->map);
	if (r == -ENOENT)
		return ask_unreachable(context, error);
	if (r == 0)
		r = replay(past);
	if (r == 0)
		r = list_sessions(past);
	if (r < 0) {
		complain("Neither the daemon at %s (%s) nor its records in %s (%s) can be read.",
			context->socket, strerror(-error), path, strerror(-r));
		return EXIT_UNREACHABLE;
	}
	complain("The daemon is not reachable (%s); this is from its records in %s.",
		strerror(-error), path);
	return EXIT_DONE;
}

static int unknown_name(const char *text)
{
	complain("The records tell of no device or session %s; `idevicetriage sessions` lists "
		 "them.",
		text);
	return EXIT_UNKNOWN_NAME;
}

/* What `text` names. Returns an exit code. */
static int find(const struct past *past, const char *text, enum name_kind wanted, struct name *ret)
{
	int r = name_take(text, wanted, ret);

	if (r != 0)
		return r < 0 ? -r : EXIT_DONE;
	return name_find(text, wanted, past->sessions, NULL, ret);
}

static const struct session *find_session(const struct past *past, const struct name *name)
{
	struct uuid id;

	if (uuid_parse(name->text, &id) < 0)
		return NULL;
	return bench_find_session(past->bench, &id);
}

static int show_records(
	struct context *context, const struct past *past, const struct uuid *session, int64_t after)
{
	CLEANUP(cursor_freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	int r = 1;

	if (!cursor)
		return say_no_memory();
	if (after > 0)
		ring_cursor_after(cursor, ring_map_reader(past->map), (uint64_t)after);
	else
		ring_cursor_first(cursor, ring_map_reader(past->map));
	if (session)
		ring_cursor_only(cursor, session);
	while (r > 0) {
		struct json_builder builder = {0};
		CLEANUP(json_object_putp) struct json_object *reply = json_new_object(&builder);
		struct json_object *records = json_new_array(&builder);
		uint64_t lost = cursor->loss.lost;
		struct event event;

		for (size_t i = 0; i < VARLINK_RECORDS_MAX; i++) {
			r = ring_cursor_next(cursor, &record);
			if (r <= 0)
				break;
			if (read_event(&record, &event) && event.kind != EVENT_NONE)
				json_add(&builder, records, record_to_json(&builder, &event));
		}
		json_put(&builder, reply, "records", records);
		json_put_number(&builder, reply, "lost", (int64_t)(cursor->loss.lost - lost));
		if (builder.failed)
			return say_no_memory();
		context->output->records(&context->page, reply);
	}
	return EXIT_DONE;
}

int offline_log(struct context *context, int error, const char *session, int64_t after)
{
	CLEANUP(past_done) struct past past = {0};
	const struct session *found = NULL;
	struct name name = {0};
	int r = past_open(context, error, &past);

	if (r == EXIT_DONE && session)
		r = find(&past, session, NAME_SESSION, &name);
	if (r != EXIT_DONE)
		return r;
	if (session) {
		found = find_session(&past, &name);
		if (!found)
			return unknown_name(session);
	}
	return show_records(context, &past, found ? &found->attempt.id : NULL, after);
}

int offline_sessions(struct context *context, int error, const char *device, int64_t limit,
	struct json_object **ret)
{
	CLEANUP(past_done) struct past past = {0};
	struct json_builder builder = {0};
	struct json_object *reply, *list;
	struct identity identity = {0};
	struct name name = {0};
	int64_t taken = 0;
	int r = past_open(context, error, &past);

	if (r == EXIT_DONE && device)
		r = find(&past, device, NAME_DEVICE, &name);
	if (r != EXIT_DONE)
		return r;
	if (device && !bench_find_identity(past.bench, name.text, &identity))
		return unknown_name(device);
	reply = json_new_object(&builder);
	list = json_new_array(&builder);
	for (size_t i = bench_session_count(past.bench); i > 0; i--) {
		const struct session *session = bench_session(past.bench, i - 1);

		if (device && !identity_matches(&session->identity, &identity))
			continue;
		if (limit >= 0 && taken++ >= limit)
			break;
		json_add(&builder, list, describe(&builder, session));
	}
	json_put(&builder, reply, "sessions", list);
	*ret = json_finish(&builder, reply);
	return *ret ? EXIT_DONE : say_no_memory();
}

/* The session whose phone is meant: the one named, or the newest of the device, or of all. */
static const struct session *find_subject(
	const struct past *past, const char *text, const struct name *name)
{
	struct identity identity;

	if (text && name->kind == NAME_SESSION)
		return find_session(past, name);
	if (text && !bench_find_identity(past->bench, name->text, &identity))
		return NULL;
	for (size_t i = bench_session_count(past->bench); i > 0; i--) {
		const struct session *session = bench_session(past->bench, i - 1);

		if (!text || identity_matches(&session->identity, &identity))
			return session;
	}
	return NULL;
}

static struct json_object *case_sessions(
	struct json_builder *builder, const struct past *past, const struct triage_case *c)
{
	struct json_object *list = json_new_array(builder);

	for (size_t i = c->attempt_count; i > 0; i--) {
		const struct session *session =
			bench_find_session(past->bench, &c->attempts[i - 1]->id);

		if (session)
			json_add(builder, list, describe(builder, session));
	}
	return list;
}

static int diagnose_subject(
	const struct past *past, const struct session *subject, struct json_object **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	const struct model *model = model_by_product(subject->identity.product);
	struct device_record device = {
		.identity = &subject->identity,
		.port = subject->attempt.port,
		.name = model ? model->name : NULL,
	};
	struct json_builder builder = {0};
	struct json_object *reply;

	if (!verdict || bench_session_case(past->bench, subject, &c) < 0 ||
		diagnose(c, verdict) < 0)
		return say_no_memory();
	reply = json_new_object(&builder);
	json_put(&builder, reply, "verdict", verdict_to_json(&builder, verdict));
	json_put(&builder, reply, "device", device_to_json(&builder, &device));
	json_put(&builder, reply, "sessions", case_sessions(&builder, past, c));
	*ret = json_finish(&builder, reply);
	return *ret ? EXIT_DONE : say_no_memory();
}

int offline_diagnosis(
	struct context *context, int error, const char *text, struct json_object **ret)
{
	CLEANUP(past_done) struct past past = {0};
	const struct session *subject;
	struct name name = {0};
	int r = past_open(context, error, &past);

	if (r == EXIT_DONE && text)
		r = find(&past, text, NAME_ANY, &name);
	if (r != EXIT_DONE)
		return r;
	subject = find_subject(&past, text, &name);
	if (!subject)
		return unknown_name(text ? text : "yet");
	return diagnose_subject(&past, subject, ret);
}
