/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/engine.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/triage/toollog.h"

/* A tool's log on its way into the bench. */
struct run_log {
	struct engine *engine;
	struct uuid session;
	struct toollog *log;
	uint64_t received; /* bytes of the log */
};

struct engine {
	struct bench *bench;
	struct engine_outputs outputs;
	const struct standing *standing;
	bool unsettled;			      /* a session has learnt its phone or its port */
	struct run_log runs[ENGINE_RUNS_MAX]; /* session none = not in use */
};

/* What tells a session its phone or its port. */
static bool tells_place(const struct event *event)
{
	static const enum event_kind kinds[] = {
		EVENT_SESSION_BEGIN, EVENT_ATTACH, EVENT_MUX_ATTACH, EVENT_IDENTITY};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (event->kind == kinds[i] && !uuid_is_none(&event->session))
			return true;
	return event->kind == EVENT_CONDITION && text_equal(event->name, "port");
}

static uint64_t record(void *user, const struct event *event)
{
	struct engine *engine = user;
	struct event kept = *event;

	kept.sequence = engine->outputs.append(engine->outputs.user, event);
	engine->outputs.publish(engine->outputs.user, &kept);
	if (tells_place(&kept))
		engine->unsettled = true;
	return kept.sequence;
}

static struct uuid make_id(void *user, struct stamp now)
{
	return uuid_make(now);
}

struct engine *engine_new(const char *bench_name, uint32_t budget_percent,
	const struct engine_outputs *outputs, const struct standing *standing)
{
	CLEANUP(engine_freep) struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->outputs = *outputs;
	engine->standing = standing;
	engine->bench = bench_new(bench_name, budget_percent, record, make_id, engine);
	return engine->bench ? TAKE_PTR(engine) : NULL;
}

static void drop_run(struct run_log *run)
{
	toollog_free(run->log);
	*run = (struct run_log){0};
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	for (size_t i = 0; i < ENGINE_RUNS_MAX; i++)
		drop_run(&engine->runs[i]);
	bench_free(engine->bench);
	free(engine);
	return NULL;
}

const struct bench *engine_bench(const struct engine *engine)
{
	return engine->bench;
}

static void tell_condition(struct engine *engine, struct stamp now, const struct session *session,
	const struct condition *condition)
{
	struct event event = {.at = now,
		.kind = EVENT_CONDITION,
		.source = SOURCE_PERSON,
		.session = session->attempt.id};

	text_copy(event.name, sizeof(event.name), condition->key);
	event_set_text(&event, condition->value);
	bench_feed(engine->bench, &event);
}

/* The port of a session: seen, or told to `run`. */
static const char *session_port(const struct session *session)
{
	const char *told = attempt_condition(&session->attempt, "port");

	return session->attempt.port[0] ? session->attempt.port : told ? told : "";
}

/* Whether anything was told of a key, be it that it is unknown. */
static bool was_told(const struct session *session, const char *key)
{
	const struct attempt *attempt = &session->attempt;

	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return true;
	return false;
}

static void settle_session(struct engine *engine, struct stamp now, const struct session *session)
{
	const struct condition *condition;
	size_t position = 0;

	while ((condition = standing_next(
			engine->standing, session_port(session), &session->identity, &position)))
		if (!was_told(session, condition->key) &&
			session->attempt.condition_count < ATTEMPT_CONDITIONS_MAX)
			tell_condition(engine, now, session, condition);
}

/* Records what holds where sessions run, once they know where that is. */
static void settle(struct engine *engine, struct stamp now)
{
	if (!engine->unsettled)
		return;
	engine->unsettled = false;
	for (size_t i = 0; i < bench_session_count(engine->bench); i++)
		if (bench_session(engine->bench, i)->running)
			settle_session(engine, now, bench_session(engine->bench, i));
}

void engine_tell_condition(struct engine *engine, struct stamp now, const struct place *place,
	const struct condition *condition)
{
	for (size_t i = 0; i < bench_session_count(engine->bench); i++) {
		const struct session *session = bench_session(engine->bench, i);

		if (session->running &&
			(place->port[0] ? text_equal(place->port, session_port(session))
					: identity_matches(&place->identity, &session->identity)))
			tell_condition(engine, now, session, condition);
	}
}

/* What the log's parser says belongs to the run's session. */
static void take_log_event(void *user, const struct event *event)
{
	struct run_log *run = user;
	struct event tagged = *event;

	tagged.session = run->session;
	if (tagged.kind == EVENT_LOG)
		tagged.code = (int64_t)run->received;
	bench_feed(run->engine->bench, &tagged);
}

static struct run_log *find_run(struct engine *engine, const struct uuid *session)
{
	for (size_t i = 0; i < ENGINE_RUNS_MAX; i++)
		if (uuid_equal(&engine->runs[i].session, session))
			return &engine->runs[i];
	return NULL;
}

static int add_run(struct engine *engine, const struct uuid *session, struct run_log **ret)
{
	struct run_log *run = find_run(engine, &(struct uuid){{0}});

	if (!run)
		return -EBUSY;
	run->log = toollog_new(take_log_event, run);
	if (!run->log)
		return -ENOMEM;
	run->engine = engine;
	run->session = *session;
	*ret = run;
	return 0;
}

void engine_replay(struct engine *engine, const struct event *event)
{
	bench_replay(engine->bench, event);
}

void engine_resume(struct engine *engine, struct stamp now)
{
	bench_resume(engine->bench, now);
}

void engine_feed(void *user, const struct event *event)
{
	struct engine *engine = user;

	bench_feed(engine->bench, event);
	settle(engine, event->at);
}

/* Lets go of the logs of sessions that the bench has ended by itself. */
static void drop_ended_runs(struct engine *engine)
{
	for (size_t i = 0; i < ENGINE_RUNS_MAX; i++) {
		struct run_log *run = &engine->runs[i];
		const struct session *session;

		if (uuid_is_none(&run->session))
			continue;
		session = bench_find_session(engine->bench, &run->session);
		if (!session || !session_is_open(session))
			drop_run(run);
	}
}

void engine_look(struct engine *engine, struct stamp now, bench_read_port *read, void *user)
{
	bench_look(engine->bench, now, read, user);
}

uint64_t engine_tick(struct engine *engine, struct stamp now)
{
	uint64_t next = bench_tick(engine->bench, now);

	drop_ended_runs(engine);
	return next;
}

size_t engine_forget(struct engine *engine, const struct identity *identity, uint64_t before_us)
{
	return bench_forget(engine->bench, identity, before_us);
}

static void feed_text(struct engine *engine, const struct event *like, enum event_kind kind,
	const char *name, const char *text)
{
	struct event event = {
		.at = like->at, .kind = kind, .source = like->source, .session = like->session};

	text_copy(event.name, sizeof(event.name), name);
	event_set_text(&event, text);
	bench_feed(engine->bench, &event);
}

/* Tells the session which phone it is about: by its keys, or as the one at the port. */
static void name_phone(
	struct engine *engine, const struct event *like, const struct engine_run *run)
{
	struct event event = {
		.at = like->at,
		.kind = EVENT_IDENTITY,
		.source = like->source,
		.session = like->session,
		.ecid = run->ecid,
	};
	const struct bench_device *device =
		run->port ? bench_find_device(engine->bench, run->port) : NULL;

	if (run->udid)
		udid_normalize(run->udid, event.udid);
	if (run->port)
		feed_text(engine, like, EVENT_CONDITION, "port", run->port);
	if (device && !event.ecid && !event.udid[0]) {
		event.ecid = device->identity.ecid;
		text_copy(event.udid, sizeof(event.udid), device->identity.udid);
	}
	if (event.ecid || event.udid[0])
		bench_feed(engine->bench, &event);
}

int engine_begin_run(
	struct engine *engine, struct stamp now, const struct engine_run *run, struct uuid *ret)
{
	struct event event = {.at = now, .kind = EVENT_SESSION_BEGIN, .source = SOURCE_DAEMON};
	struct run_log *log;
	int r;

	event.session = uuid_make(now);
	r = add_run(engine, &event.session, &log);
	if (r < 0)
		return r;
	event_set_text(&event, "a restore tool was started through run");
	bench_feed(engine->bench, &event);
	event.source = SOURCE_TOOL;
	feed_text(engine, &event, EVENT_TOOL_START, run->tool, run->command_line);
	if (run->tool_version)
		feed_text(engine, &event, EVENT_TOOL_VERSION, run->tool, run->tool_version);
	event.source = SOURCE_PERSON;
	for (size_t i = 0; i < run->condition_count; i++)
		feed_text(engine, &event, EVENT_CONDITION, run->conditions[i].key,
			run->conditions[i].value);
	if (run->ticket)
		feed_text(engine, &event, EVENT_TICKET, "", run->ticket);
	name_phone(engine, &event, run);
	settle(engine, now);
	*ret = event.session;
	return 0;
}

/* The run of a session that is running: after a restart of the daemon its log goes on where the
 * records end. */
static int running_run(struct engine *engine, const struct uuid *id, struct run_log **ret)
{
	const struct session *session = bench_find_session(engine->bench, id);
	struct run_log *run;
	int r;

	if (!session)
		return -ENOENT;
	if (!session_is_open(session) || !session->has_tool)
		return -ESHUTDOWN;
	run = find_run(engine, id);
	if (!run) {
		r = add_run(engine, id, &run);
		if (r < 0)
			return r;
		run->received = session->attempt.log_offset;
	}
	*ret = run;
	return 0;
}

int engine_append_log(struct engine *engine, struct stamp now, const struct uuid *session,
	uint64_t offset, const char *bytes, size_t length, uint64_t *ret_offset)
{
	struct run_log *run;
	int r = running_run(engine, session, &run);

	if (r < 0)
		return r;
	bench_hear(engine->bench, session, now);
	if (offset <= run->received && run->received - offset < length) {
		length -= run->received - offset;
		bytes += run->received - offset;
		/* Line by line, so that each line's record can tell where the log goes on. */
		while (length > 0) {
			const char *end = memchr(bytes, '\n', length);
			size_t piece = end ? (size_t)(end - bytes) + 1 : length;

			run->received += piece;
			toollog_feed(run->log, now, bytes, piece);
			bytes += piece;
			length -= piece;
		}
	}
	settle(engine, now);
	*ret_offset = run->received;
	return 0;
}

int engine_end_run(
	struct engine *engine, struct stamp now, const struct uuid *session, int64_t status)
{
	struct event end = {
		.at = now, .kind = EVENT_TOOL_END, .source = SOURCE_TOOL, .session = *session};
	struct run_log *run;
	int r = running_run(engine, session, &run);

	if (r < 0)
		return r;
	toollog_finish(run->log, now);
	end.code = status;
	bench_feed(engine->bench, &end);
	drop_run(run);
	return 0;
}
