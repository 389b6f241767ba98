/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/recorder.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/logs/toollog.h"

#define TICK_PERIOD_US (500 * USEC_PER_MSEC)

/* The log of a running tool. */
struct run_log {
	struct recorder *recorder;
	struct uuid session;
	struct toollog *log;
	uint64_t received; /* bytes of the log so far */
};

static void drop_run(struct run_log *run)
{
	toollog_free(run->log);
	*run = (struct run_log){0};
}

struct recorder {
	struct bench *bench;
	struct ring *ring;
	const struct conditions *conditions;
	bench_read_port *read_port;
	struct loop_timer *timer; /* for expired budgets, and to check the ports */
	bool timer_runs;
	bool ring_failed; /* the last append failed and was logged */
	bool unsettled;	  /* a session now has its phone or port */
	struct {
		recorder_observer *call;
		void *user;
	} observers[RECORDER_OBSERVERS_MAX];
	size_t observer_count;
	struct run_log runs[RECORDER_RUNS_MAX]; /* session none = not in use */
};

static void start_timer(struct recorder *recorder)
{
	if (recorder->timer_runs)
		return;
	recorder->timer_runs = true;
	loop_timer_start(recorder->timer, TICK_PERIOD_US);
}

/* Whether the event shows the phone or port of its session. */
static bool shows_place(const struct event *event)
{
	static const enum event_kind kinds[] = {
		EVENT_SESSION_BEGIN, EVENT_ATTACH, EVENT_MUX_ATTACH, EVENT_IDENTITY};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (event->kind == kinds[i] && !uuid_is_none(&event->session))
			return true;
	return event->kind == EVENT_CONDITION && text_equal(event->name, "port");
}

/* Writes the event to the ring and tells the observers. Returns its sequence; 0 if the ring refused
 * it. */
static uint64_t record(void *user, const struct event *event)
{
	struct recorder *recorder = user;
	uint8_t payload[EVENT_BYTES_MAX];
	const struct ring_fields fields = {
		.at = event->at, .session = event->session, .kind = (uint16_t)event->kind};
	size_t length = event_encode(event, payload);
	int64_t sequence = ring_append(recorder->ring, &fields, payload, length);
	struct event kept = *event;

	if (sequence < 0 && !recorder->ring_failed)
		log_error("Cannot write to the ring: %s.", strerror((int)-sequence));
	recorder->ring_failed = sequence < 0;
	kept.sequence = sequence < 0 ? 0 : (uint64_t)sequence;
	for (size_t i = 0; i < recorder->observer_count; i++)
		recorder->observers[i].call(recorder->observers[i].user, &kept);
	if (shows_place(&kept))
		recorder->unsettled = true;
	start_timer(recorder);
	return kept.sequence;
}

static struct uuid make_id(void *user, struct stamp now)
{
	return uuid_make(now);
}

/* Drops the logs of sessions that the bench has ended. */
static void drop_ended_runs(struct recorder *recorder)
{
	for (size_t i = 0; i < RECORDER_RUNS_MAX; i++) {
		struct run_log *run = &recorder->runs[i];
		const struct session *session;

		if (uuid_is_none(&run->session))
			continue;
		session = bench_find_session(recorder->bench, &run->session);
		if (!session || !session_is_open(session))
			drop_run(run);
	}
}

static void on_tick(void *user)
{
	struct recorder *recorder = user;
	struct stamp now = clock_now();

	recorder->timer_runs = false;
	if (recorder->read_port)
		bench_look(recorder->bench, now, recorder->read_port, NULL);
	if (bench_tick(recorder->bench, now) != 0)
		start_timer(recorder);
	drop_ended_runs(recorder);
}

int recorder_new(struct loop *loop, const struct recorder_options *options, struct recorder **ret)
{
	CLEANUP(recorder_freep) struct recorder *recorder = calloc(1, sizeof(*recorder));
	int r;

	if (!recorder)
		return -ENOMEM;
	recorder->ring = options->ring;
	recorder->conditions = options->conditions;
	recorder->read_port = options->read_port;
	r = loop_timer_new(loop, on_tick, recorder, &recorder->timer);
	if (r < 0)
		return r;
	recorder->bench = bench_new(options->bench_name, options->host_id, options->budget_percent,
		record, make_id, recorder);
	if (!recorder->bench)
		return -ENOMEM;
	*ret = TAKE_PTR(recorder);
	return 0;
}

struct recorder *recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return NULL;
	for (size_t i = 0; i < RECORDER_RUNS_MAX; i++)
		drop_run(&recorder->runs[i]);
	loop_timer_free(recorder->timer);
	bench_free(recorder->bench);
	free(recorder);
	return NULL;
}

void recorder_set_budget_percent(struct recorder *recorder, uint32_t budget_percent)
{
	bench_set_budget_percent(recorder->bench, budget_percent);
	start_timer(recorder);
}

void recorder_observe(struct recorder *recorder, recorder_observer *observer, void *user)
{
	assert(recorder->observer_count < RECORDER_OBSERVERS_MAX);
	recorder->observers[recorder->observer_count].call = observer;
	recorder->observers[recorder->observer_count++].user = user;
}

const struct bench *recorder_bench(const struct recorder *recorder)
{
	return recorder->bench;
}

static void add_condition(struct recorder *recorder, struct stamp now,
	const struct session *session, const struct condition *condition)
{
	struct event event = {.at = now,
		.kind = EVENT_CONDITION,
		.source = SOURCE_PERSON,
		.session = session->attempt.id};

	text_copy(event.name, sizeof(event.name), condition->key);
	event_set_text(&event, condition->value);
	bench_feed(recorder->bench, &event);
}

/* The port of a session: seen on USB, or from `run`. */
static const char *session_port(const struct session *session)
{
	const char *given = attempt_condition(&session->attempt, "port");

	return session->attempt.port[0] ? session->attempt.port : given ? given : "";
}

/* Whether the session has a value for the key, including "unknown". */
static bool has_condition(const struct session *session, const char *key)
{
	const struct attempt *attempt = &session->attempt;

	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return true;
	return false;
}

static void settle_session(
	struct recorder *recorder, struct stamp now, const struct session *session)
{
	const struct condition *condition;
	size_t position = 0;

	while ((condition = conditions_next(recorder->conditions, session_port(session),
			&session->identity, &position)))
		if (!has_condition(session, condition->key) &&
			session->attempt.condition_count < ATTEMPT_CONDITIONS_MAX)
			add_condition(recorder, now, session, condition);
}

/* Records the conditions of the place in each session whose place is now known. */
static void settle(struct recorder *recorder, struct stamp now)
{
	if (!recorder->unsettled)
		return;
	recorder->unsettled = false;
	for (size_t i = 0; i < bench_session_count(recorder->bench); i++)
		if (bench_session(recorder->bench, i)->running)
			settle_session(recorder, now, bench_session(recorder->bench, i));
}

void recorder_set_condition(struct recorder *recorder, struct stamp now, const struct place *place,
	const struct condition *condition)
{
	for (size_t i = 0; i < bench_session_count(recorder->bench); i++) {
		const struct session *session = bench_session(recorder->bench, i);

		if (session->running &&
			(place->port[0] ? text_equal(place->port, session_port(session))
					: identity_matches(&place->identity, &session->identity)))
			add_condition(recorder, now, session, condition);
	}
}

/* Events from the log's parser belong to the run's session. */
static void take_log_event(void *user, const struct event *event)
{
	struct run_log *run = user;
	struct event tagged = *event;

	tagged.session = run->session;
	if (tagged.kind == EVENT_LOG)
		tagged.code = (int64_t)run->received;
	bench_feed(run->recorder->bench, &tagged);
}

static struct run_log *find_run(struct recorder *recorder, const struct uuid *session)
{
	for (size_t i = 0; i < RECORDER_RUNS_MAX; i++)
		if (uuid_equal(&recorder->runs[i].session, session))
			return &recorder->runs[i];
	return NULL;
}

static int add_run(struct recorder *recorder, const struct uuid *session, struct run_log **ret)
{
	struct run_log *run = find_run(recorder, &(struct uuid){{0}});

	if (!run)
		return RUN_TOO_MANY;
	run->log = toollog_new(take_log_event, run);
	if (!run->log)
		return -ENOMEM;
	toollog_expect_tool(run->log);
	run->recorder = recorder;
	run->session = *session;
	*ret = run;
	return 0;
}

void recorder_replay(struct recorder *recorder, const struct event *event)
{
	bench_replay(recorder->bench, event);
}

void recorder_drop_partial(struct recorder *recorder,
	bool (*is_kept)(void *user, const struct uuid *session), void *user)
{
	bench_drop_partial(recorder->bench, is_kept, user);
}

void recorder_resume(struct recorder *recorder, struct stamp now)
{
	bench_resume(recorder->bench, now);
	start_timer(recorder);
}

void recorder_feed(void *user, const struct event *event)
{
	struct recorder *recorder = user;

	bench_feed(recorder->bench, event);
	settle(recorder, event->at);
}

enum bench_measured recorder_measure(
	struct recorder *recorder, const struct event *event, struct stamp now, struct uuid *ret)
{
	return bench_measure(recorder->bench, event, now, ret);
}

size_t recorder_forget(
	struct recorder *recorder, const struct identity *identity, uint64_t before_us)
{
	return bench_forget(recorder->bench, identity, before_us);
}

void recorder_forget_sessions(struct recorder *recorder,
	bool (*is_gone)(void *user, const struct uuid *session), void *user)
{
	bench_forget_sessions(recorder->bench, is_gone, user);
}

/* Texts from callers are foreign: they are cleaned before they are stored and shown. */
static void feed_text(struct recorder *recorder, const struct event *like, enum event_kind kind,
	const char *name, const char *text)
{
	struct event event = {
		.at = like->at, .kind = kind, .source = like->source, .session = like->session};
	char clean[EVENT_TEXT_MAX + 1];

	text_clean(name, strlen(name), event.name, sizeof(event.name));
	text_clean(text, strlen(text), clean, sizeof(clean));
	event_set_text(&event, clean);
	bench_feed(recorder->bench, &event);
}

/* Where the tool's output is: a purge deletes it too. */
static void feed_log_path(
	struct recorder *recorder, const struct event *like, const struct recorder_run *run)
{
	struct event event = {
		.at = like->at,
		.kind = EVENT_TOOL_LOG,
		.source = like->source,
		.session = like->session,
		.number = run->user,
	};

	event_set_text(&event, run->log);
	bench_feed(recorder->bench, &event);
}

/* Tells the session its phone: by identifier, or the phone at the port. */
static void name_phone(
	struct recorder *recorder, const struct event *like, const struct recorder_run *run)
{
	struct event event = {
		.at = like->at,
		.kind = EVENT_IDENTITY,
		.source = like->source,
		.session = like->session,
		.ecid = run->ecid,
	};
	const struct bench_device *device =
		run->port ? bench_find_device(recorder->bench, run->port) : NULL;

	if (run->udid)
		udid_normalize(run->udid, event.udid);
	if (run->port)
		feed_text(recorder, like, EVENT_CONDITION, "port", run->port);
	if (device && !event.ecid && !event.udid[0]) {
		event.ecid = device->identity.ecid;
		text_copy(event.udid, sizeof(event.udid), device->identity.udid);
	}
	if (event.ecid || event.udid[0])
		bench_feed(recorder->bench, &event);
}

/* The open runs of one user. */
static size_t count_runs(const struct recorder *recorder, uint32_t owner)
{
	size_t count = 0;

	for (size_t i = 0; i < bench_session_count(recorder->bench); i++) {
		const struct session *session = bench_session(recorder->bench, i);

		count += session_is_open(session) && session->has_tool &&
			 session->attempt.owner == owner;
	}
	return count;
}

int recorder_begin_run(struct recorder *recorder, struct stamp now, const struct recorder_run *run,
	struct uuid *ret)
{
	struct event event = {.at = now, .kind = EVENT_SESSION_BEGIN, .source = SOURCE_DAEMON};
	struct run_log *log;
	int r;

	event.session = uuid_make(now);
	event.number = run->owner;
	if (run->owner && count_runs(recorder, run->owner) >= RECORDER_RUNS_PER_USER_MAX)
		return RUN_TOO_MANY;
	r = add_run(recorder, &event.session, &log);
	if (r != 0)
		return r;
	event_set_text(&event, "a restore tool was started through run");
	bench_feed(recorder->bench, &event);
	event.number = 0;
	event.source = SOURCE_TOOL;
	feed_text(recorder, &event, EVENT_TOOL_START, run->tool, run->command_line);
	if (run->tool_version)
		feed_text(recorder, &event, EVENT_TOOL_VERSION, run->tool, run->tool_version);
	if (run->log)
		feed_log_path(recorder, &event, run);
	event.source = SOURCE_PERSON;
	for (size_t i = 0; i < run->condition_count; i++)
		feed_text(recorder, &event, EVENT_CONDITION, run->conditions[i].key,
			run->conditions[i].value);
	if (run->ticket)
		feed_text(recorder, &event, EVENT_TICKET, "", run->ticket);
	name_phone(recorder, &event, run);
	settle(recorder, now);
	*ret = event.session;
	return 0;
}

/* The run of a running session: after a restart of the daemon, its log continues where the records
 * end. */
static int running_run(
	struct recorder *recorder, uint32_t owner, const struct uuid *id, struct run_log **ret)
{
	const struct session *session = bench_find_session(recorder->bench, id);
	struct run_log *run;
	int r;

	if (!session)
		return RUN_UNKNOWN;
	if (owner != RECORDER_ADMINISTRATOR && owner != session->attempt.owner)
		return RUN_FOREIGN;
	if (!session_is_open(session) || !session->has_tool)
		return RUN_ENDED;
	run = find_run(recorder, id);
	if (!run) {
		r = add_run(recorder, id, &run);
		if (r != 0)
			return r;
		run->received = session->attempt.log_offset;
	}
	*ret = run;
	return 0;
}

int recorder_append_log(struct recorder *recorder, struct stamp now, uint32_t owner,
	const struct uuid *session, uint64_t offset, const char *bytes, size_t length,
	uint64_t *ret_offset)
{
	struct run_log *run;
	int r = running_run(recorder, owner, session, &run);

	if (r != 0)
		return r;
	bench_hear(recorder->bench, session, now);
	if (offset <= run->received && run->received - offset < length) {
		length -= run->received - offset;
		bytes += run->received - offset;
		/* Line by line, so that each line's record contains the offset of the next. */
		for (int lines = 0; length > 0 && lines < RECORDER_LINES_MAX; lines++) {
			const char *end = memchr(bytes, '\n', length);
			size_t piece = end ? (size_t)(end - bytes) + 1 : length;

			run->received += piece;
			toollog_feed(run->log, now, bytes, piece);
			bytes += piece;
			length -= piece;
		}
	}
	settle(recorder, now);
	*ret_offset = run->received;
	return 0;
}

int recorder_end_run(struct recorder *recorder, struct stamp now, uint32_t owner,
	const struct uuid *session, int64_t status)
{
	struct event end = {
		.at = now, .kind = EVENT_TOOL_END, .source = SOURCE_TOOL, .session = *session};
	struct run_log *run;
	int r = running_run(recorder, owner, session, &run);

	if (r != 0)
		return r;
	toollog_finish(run->log, now);
	end.code = status;
	bench_feed(recorder->bench, &end);
	drop_run(run);
	return 0;
}
