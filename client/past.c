/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/past.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/connection.h"
#include "common/base/text.h"
#include "common/casebook/history.h"
#include "common/casefile/casefile.h"
#include "common/ringfile/ringfile.h"
#include "common/triage/model.h"
#include "common/wire/records.h"

#define RING_NAME "ring"
#define SESSIONS_MAX 1000 /* of the casebook, in one reply */

struct past {
	struct ring_map *map;
	struct bench *bench;
	struct history history;
};

/* Nothing is recorded and nothing begins: the past is only read. */
static uint64_t keep_nothing(void *user, const struct event *event)
{
	return event->sequence;
}

static struct uuid name_nothing(void *user, struct stamp now)
{
	return (struct uuid){{0}};
}

static int replay(struct past *past)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	struct event event;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, past->history.reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0)
		if (history_read_record(&record, &event) == 0)
			bench_replay(past->bench, &event);
	return r;
}

static int open_ring(struct past *past, const char *state_dir)
{
	CLEANUP(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", state_dir, RING_NAME) < 0)
		return path = NULL, -ENOMEM;
	r = ring_map_open(path, &past->map);
	if (r < 0)
		return r;
	past->history.reader = ring_map_reader(past->map);
	return replay(past);
}

static int open_casebook(struct past *past, const char *state_dir)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", state_dir, CASEBOOK_NAME) < 0)
		return path = NULL, -ENOMEM;
	return casebook_open(path, &past->history.book);
}

int past_open(const char *state_dir, int *ret_ring_error, struct past **ret)
{
	CLEANUP(past_freep) struct past *past = calloc(1, sizeof(*past));
	int ring, book;

	if (!past)
		return -ENOMEM;
	past->bench = bench_new("", 100, keep_nothing, name_nothing, NULL);
	if (!past->bench)
		return -ENOMEM;
	past->history.bench = past->bench;
	ring = open_ring(past, state_dir);
	book = open_casebook(past, state_dir);
	/* Either is better than none. */
	if (ring < 0 && book < 0)
		return ring == -ENOENT ? book : ring;
	*ret_ring_error = ring;
	*ret = TAKE_PTR(past);
	return 0;
}

struct past *past_free(struct past *past)
{
	if (!past)
		return NULL;
	casebook_free(past->history.book);
	bench_free(past->bench);
	ring_map_free(past->map);
	free(past);
	return NULL;
}

/* One call on its way. Handlers return 0, or a negative errno that the table of errors knows. */
struct answer {
	struct past *past;
	struct json_object *parameters;
	struct json_builder builder;
	struct json_object *reply;
	/* What visits fill. */
	struct json_object *list;
	size_t room;
	uint64_t counted;
	struct triage_case *c;
};

static bool add_session(void *context, const struct past_attempt *past)
{
	struct answer *answer = context;
	const struct session_record record = {
		.attempt = past->attempt,
		.identity = past->identity,
		.running = past->session && past->session->running,
	};

	if (answer->room-- == 0)
		return false;
	json_add(&answer->builder, answer->list, session_to_json(&answer->builder, &record));
	return true;
}

static void put_sessions(struct answer *answer, const struct identity *identity)
{
	int64_t limit = SESSIONS_MAX;

	json_get_number(answer->parameters, "limit", &limit);
	answer->room = limit >= 0 && limit < SESSIONS_MAX ? (size_t)limit : SESSIONS_MAX;
	answer->list = json_new_array(&answer->builder);
	history_attempts(&answer->past->history, identity, answer->room, add_session, answer);
	json_put(&answer->builder, answer->reply, "sessions", answer->list);
}

static int find_device(struct answer *answer, const char *device, struct identity *ret)
{
	return history_find_identity(&answer->past->history, device, ret) ? 0 : -ENODEV;
}

static int list_sessions(struct answer *answer)
{
	struct identity identity = {0};
	const char *device = NULL;
	int r = 0;

	json_get_text(answer->parameters, "device", &device);
	if (device)
		r = find_device(answer, device, &identity);
	if (r == 0)
		put_sessions(answer, device ? &identity : NULL);
	return r;
}

static int list_devices(struct answer *answer)
{
	json_put(&answer->builder, answer->reply, "devices", json_new_array(&answer->builder));
	return 0;
}

static bool add_record(void *context, const struct event *event)
{
	struct answer *answer = context;

	if (answer->room-- == 0)
		return false;
	json_add(&answer->builder, answer->list, record_to_json(&answer->builder, event));
	return true;
}

static bool copy_attempt(void *context, const struct past_attempt *past)
{
	struct answer *answer = context;
	struct attempt *attempt = triage_case_add(answer->c);

	if (!attempt)
		return false;
	*attempt = *past->attempt;
	answer->c->identity = *past->identity;
	return false;
}

/* The attempt that `session` names, alone in a case. */
static int find_session(struct answer *answer, struct uuid *ret)
{
	const char *session = NULL;

	json_get_text(answer->parameters, "session", &session);
	if (!session || uuid_parse(session, ret) < 0)
		return -ENOENT;
	answer->c = triage_case_new();
	if (!answer->c)
		return -ENOMEM;
	return history_attempt(&answer->past->history, ret, copy_attempt, answer) ? 0 : -ENOENT;
}

static int read_log(struct answer *answer)
{
	struct uuid session, *only = NULL;
	const char *text = NULL;
	int64_t after = 0, limit = VARLINK_RECORDS_MAX;
	uint64_t lost = 0;
	int r = 0;

	json_get_text(answer->parameters, "session", &text);
	json_get_number(answer->parameters, "after", &after);
	json_get_number(answer->parameters, "limit", &limit);
	if (text) {
		only = &session;
		r = find_session(answer, only);
	}
	answer->list = json_new_array(&answer->builder);
	answer->room =
		limit > 0 && limit < VARLINK_RECORDS_MAX ? (size_t)limit : VARLINK_RECORDS_MAX;
	if (r == 0)
		r = history_records(
			&answer->past->history, only, (uint64_t)after, add_record, answer, &lost);
	json_put(&answer->builder, answer->reply, "records", answer->list);
	json_put_number(&answer->builder, answer->reply, "lost", (int64_t)lost);
	return r;
}

static void put_device(struct answer *answer, const struct identity *identity, const char *port)
{
	const struct model *model = model_by_product(identity->product);
	const struct device_record device = {
		.identity = identity,
		.port = port,
		.name = model ? model->name : NULL,
		.mode = MODE_UNKNOWN,
	};

	json_put(&answer->builder, answer->reply, "device",
		device_to_json(&answer->builder, &device));
}

/* What a question is about: a phone, or a session of one that has not told who it is. */
struct subject {
	struct identity identity;
	struct uuid session;
	char port[PORT_SIZE];
};

static bool take_subject(void *context, const struct past_attempt *past)
{
	struct subject *subject = context;

	subject->identity = *past->identity;
	subject->session = past->attempt->id;
	text_copy(subject->port, sizeof(subject->port), past->attempt->port);
	return false;
}

static bool is_named(const struct identity *identity)
{
	return identity->ecid || identity->udid[0];
}

/* The newest session at a port whose phone has not told who it is. */
static bool find_unnamed(struct past *past, const char *port, struct subject *ret)
{
	for (size_t i = bench_session_count(past->bench); i > 0; i--) {
		const struct session *session = bench_session(past->bench, i - 1);

		if (is_named(&session->identity) || !text_equal(session->attempt.port, port))
			continue;
		ret->session = session->attempt.id;
		text_copy(ret->port, sizeof(ret->port), port);
		return true;
	}
	return false;
}

static int find_subject(struct answer *answer, struct subject *ret)
{
	struct history *history = &answer->past->history;
	const char *device = NULL, *session = NULL;
	struct uuid id;

	json_get_text(answer->parameters, "device", &device);
	json_get_text(answer->parameters, "session", &session);
	if (session)
		return uuid_parse(session, &id) == 0 &&
				       history_attempt(history, &id, take_subject, ret)
			       ? 0
			       : -ENOENT;
	if (!device) {
		history_attempts(history, NULL, 1, take_subject, ret);
		return uuid_is_none(&ret->session) ? -ENOENT : 0;
	}
	if (!history_find_identity(history, device, &ret->identity))
		return -ENODEV;
	if (is_named(&ret->identity) || find_unnamed(answer->past, device, ret))
		return 0;
	return -ENODEV;
}

static int diagnose_device(struct answer *answer)
{
	CLEANUP(freep) struct verdict *verdict = malloc(sizeof(*verdict));
	struct history *history = &answer->past->history;
	struct subject subject = {0};
	int r = verdict ? find_subject(answer, &subject) : -ENOMEM;

	if (r == 0)
		r = is_named(&subject.identity)
			    ? history_diagnose(history, &subject.identity, verdict)
			    : history_diagnose_session(history, &subject.session, verdict);
	if (r < 0)
		return r;
	json_put(&answer->builder, answer->reply, "verdict",
		verdict_to_json(&answer->builder, verdict));
	put_device(answer, &subject.identity, subject.port);
	if (is_named(&subject.identity)) {
		put_sessions(answer, &subject.identity);
		return 0;
	}
	answer->list = json_new_array(&answer->builder);
	answer->room = 1;
	history_attempt(history, &subject.session, add_session, answer);
	json_put(&answer->builder, answer->reply, "sessions", answer->list);
	return 0;
}

static bool add_note(void *context, const struct event *event)
{
	struct answer *answer = context;

	json_add(&answer->builder, answer->list, note_to_json(&answer->builder, event));
	return true;
}

static int get_case(struct answer *answer)
{
	struct history *history = &answer->past->history;
	struct identity identity = {0};
	const char *device = "";
	int r;

	json_get_text(answer->parameters, "device", &device);
	r = find_device(answer, device, &identity);
	if (r < 0)
		return r;
	put_device(answer, &identity, NULL);
	answer->list = json_new_array(&answer->builder);
	if (history->book)
		history->error = casebook_notes(history->book, &identity, add_note, answer);
	json_put(&answer->builder, answer->reply, "notes", answer->list);
	put_sessions(answer, &identity);
	return 0;
}

static int export_attempt(struct answer *answer)
{
	CLEANUP(freep) char *text = NULL;
	struct json_object *object;
	struct uuid session;
	int r = find_session(answer, &session);

	if (r == 0)
		r = casefile_write(answer->c, CASEFILE_REVEAL, &text);
	if (r == 0)
		r = json_read(text, strlen(text), &object);
	if (r == 0)
		json_put(&answer->builder, answer->reply, "case", object);
	return r;
}

static bool add_group(void *context, const struct group *group)
{
	struct answer *answer = context;
	const struct model *model = group->key ? model_by_product(group->key) : NULL;
	const struct group_record record = {
		.key = group->key,
		.name = model ? model->name : NULL,
		.host = group->host,
		.attempts = group->attempts,
		.failed = group->failed,
		.succeeded = group->succeeded,
		.phones = group->phones,
	};

	answer->counted += group->attempts;
	json_add(&answer->builder, answer->list, group_to_json(&answer->builder, &record));
	return true;
}

static int get_statistics(struct answer *answer)
{
	struct casebook *book = answer->past->history.book;
	const char *by = "port";
	int64_t since = 0;
	int r;

	json_get_text(answer->parameters, "by", &by);
	json_get_number(answer->parameters, "sinceUSec", &since);
	if (!book || group_by_name(by) == GROUP_COUNT)
		return book ? -EINVAL : -ENOSYS;
	answer->list = json_new_array(&answer->builder);
	r = casebook_count(book, group_by_name(by), (uint64_t)since, add_group, answer);
	json_put(&answer->builder, answer->reply, "groups", answer->list);
	json_put_text(&answer->builder, answer->reply, "by", by);
	json_put_number(&answer->builder, answer->reply, "attempts", (int64_t)answer->counted);
	json_put_bool(
		&answer->builder, answer->reply, "cut", answer->counted >= CASEBOOK_COUNTED_MAX);
	return r;
}

static const struct {
	const char *name;
	int (*handle)(struct answer *answer);
} methods[] = {
	{"ListSessions", list_sessions},
	{"ListDevices", list_devices},
	{"ReadLog", read_log},
	{"Diagnose", diagnose_device},
	{"GetCase", get_case},
	{"ExportAttempt", export_attempt},
	{"GetStatistics", get_statistics},
};

static const struct {
	int result;
	const char *error;
	const char *parameter;
} errors[] = {
	{-ENODEV, INTERFACE "NoSuchDevice", "device"},
	{-ENOENT, INTERFACE "NoSuchSession", "session"},
	{-ENOSYS, VARLINK_SERVICE ".MethodNotImplemented", "method"},
};

static int refuse(struct answer *answer, int result, const char *method, struct varlink_reply *ret)
{
	struct json_object *parameters = json_new_object(&answer->builder);
	const char *value = method;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].result != result)
			continue;
		if (result != -ENOSYS &&
			json_get_text(answer->parameters, errors[i].parameter, &value) <= 0)
			value = "yet";
		json_put_text(&answer->builder, parameters, errors[i].parameter, value);
		ret->error = errors[i].error;
	}
	if (!ret->error) {
		json_put_text(&answer->builder, parameters, "reason", strerror(-result));
		ret->error = INTERFACE "Failed";
	}
	ret->message = ret->parameters = json_finish(&answer->builder, parameters);
	return ret->message ? 0 : -ENOMEM;
}

int past_call(struct past *past, const char *method, struct json_object *parameters,
	struct varlink_reply *ret)
{
	struct answer answer = {.past = past, .parameters = parameters};
	int r = -ENOSYS;

	answer.reply = json_new_object(&answer.builder);
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (text_equal(methods[i].name, method))
			r = methods[i].handle(&answer);
	triage_case_free(answer.c);
	*ret = (struct varlink_reply){0};
	if (r == 0) {
		ret->message = ret->parameters = json_finish(&answer.builder, answer.reply);
		return ret->message ? 0 : -ENOMEM;
	}
	json_object_put(answer.reply);
	return r == -ENOMEM ? r : refuse(&answer, r, method, ret);
}
