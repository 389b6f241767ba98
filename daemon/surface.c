/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/surface.h"

#include <errno.h>

#include "common/base/text.h"
#include "common/triage/model.h"

static void status(void *user, struct api_status *ret)
{
	struct surface *surface = user;
	struct ring_extent extent = ring_reader_extent(surface->reader);

	ret->bench = surface->bench_name;
	ret->started_us = surface->started.wall_us;
	ret->ring_bytes = surface->ring_bytes;
	ret->damaged_records = surface->damaged_records;
	ret->first_sequence = extent.head > extent.tail ? extent.tail_sequence : 0;
	ret->last_sequence = extent.head > extent.tail ? extent.next_sequence - 1 : 0;
	for (size_t i = 0; i < surface->sources->count; i++) {
		const struct source_state *state = &surface->sources->states[i];

		ret->sources[ret->source_count++] = (struct api_source){
			.name = state->name,
			.up = state->up,
			.detail = state->detail[0] ? state->detail : NULL,
		};
	}
}

static struct session_record session_record(
	const struct surface *surface, const struct session *session)
{
	struct session_record record = {
		.attempt = &session->attempt,
		.identity = &session->identity,
		.running = session->running,
	};

	if (bench_waiting(recorder_bench(surface->recorder), session, clock_now(),
		    &record.silent_us, &record.budget_us))
		record.budget = session->budget->name;
	return record;
}

static struct device_record device_record(
	const struct surface *surface, const struct bench_device *device)
{
	const struct bench *bench = recorder_bench(surface->recorder);
	const struct model *model = model_by_product(device->identity.product);
	struct device_record record = {
		.identity = &device->identity,
		.port = device->port,
		.name = model ? model->name : NULL,
		.mode = device->mode,
		.fault = bench_mux_fault(bench, device),
		.listing = &device->listing,
	};

	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);

		if (session->running && identity_matches(&session->identity, &device->identity))
			record.session = session->attempt.id;
	}
	return record;
}

static void devices(void *user, api_visit_device *visit, void *context)
{
	struct surface *surface = user;
	const struct bench *bench = recorder_bench(surface->recorder);

	for (size_t i = 0; i < bench_device_count(bench); i++) {
		struct device_record record = device_record(surface, bench_device(bench, i));

		if (!visit(context, &record))
			return;
	}
}

/* A visit of sessions, wherever they are kept. */
struct session_visit {
	const struct surface *surface;
	api_visit_session *visit;
	void *context;
};

static bool visit_past(void *user, const struct past_attempt *past)
{
	const struct session_visit *visit = user;
	struct session_record record = {.attempt = past->attempt, .identity = past->identity};

	if (past->session)
		record = session_record(visit->surface, past->session);
	return visit->visit(visit->context, &record);
}

static void visit_running(struct session_visit *visit, const struct identity *identity)
{
	const struct bench *bench = recorder_bench(visit->surface->recorder);

	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);
		const struct past_attempt past = {
			&session->attempt, &session->identity, session, 0};

		if (session->running &&
			(!identity || identity_matches(&session->identity, identity)) &&
			!visit_past(visit, &past))
			return;
	}
}

void surface_show_sessions(struct surface *surface, const struct identity *identity,
	api_visit_session *visit, void *context)
{
	struct session_visit past = {surface, visit, context};

	history_attempts(surface->history, identity, SURFACE_SESSIONS_MAX, visit_past, &past);
}

static int sessions(
	void *user, const struct api_sessions *query, api_visit_session *visit, void *context)
{
	struct surface *surface = user;
	struct session_visit past = {surface, visit, context};
	struct identity identity;

	if (query->device && !history_find_identity(surface->history, query->device, &identity))
		return -ENODEV;
	if (query->running)
		visit_running(&past, query->device ? &identity : NULL);
	else
		surface_show_sessions(surface, query->device ? &identity : NULL, visit, context);
	return 0;
}

static int session(void *user, const struct uuid *id, api_visit_session *visit, void *context)
{
	struct surface *surface = user;
	struct session_visit past = {surface, visit, context};

	return history_attempt(surface->history, id, visit_past, &past) ? 0 : -ENOENT;
}

static int records(void *user, const struct uuid *session_id, uint64_t after,
	api_visit_record *visit, void *context, uint64_t *ret_lost)
{
	struct surface *surface = user;

	return history_records(surface->history, session_id, after, visit, context, ret_lost);
}

/* The newest session at a port whose phone has not told who it is. */
static const struct session *find_unnamed(const struct bench *bench, const char *port)
{
	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);

		if (!session->identity.ecid && !session->identity.udid[0] &&
			text_equal(session->attempt.port, port))
			return session;
	}
	return NULL;
}

/* What a question is about: a phone, or a session of one that has not told who it is. */
struct subject {
	struct identity identity;
	struct uuid session;
};

static bool is_named(const struct subject *subject)
{
	return subject->identity.ecid || subject->identity.udid[0];
}

static bool take_subject(void *context, const struct past_attempt *past)
{
	struct subject *subject = context;

	subject->identity = *past->identity;
	subject->session = past->attempt->id;
	return false;
}

static int find_device_subject(struct surface *surface, const char *device, struct subject *ret)
{
	const struct session *session;

	if (!history_find_identity(surface->history, device, &ret->identity))
		return -ENODEV;
	if (is_named(ret))
		return 0;
	session = find_unnamed(recorder_bench(surface->recorder), device);
	if (!session)
		return -ENOENT;
	ret->session = session->attempt.id;
	return 0;
}

static int find_subject(
	struct surface *surface, const struct api_diagnose *query, struct subject *ret)
{
	if (query->device)
		return find_device_subject(surface, query->device, ret);
	if (query->session)
		return history_attempt(surface->history, query->session, take_subject, ret)
			       ? 0
			       : -ENOENT;
	history_attempts(surface->history, NULL, 1, take_subject, ret);
	return uuid_is_none(&ret->session) ? -ENOENT : 0;
}

static const struct bench_device *find_device(
	const struct bench *bench, const struct identity *identity)
{
	for (size_t i = 0; i < bench_device_count(bench); i++)
		if (identity_matches(&bench_device(bench, i)->identity, identity))
			return bench_device(bench, i);
	return NULL;
}

void surface_show_device(struct surface *surface, const struct identity *identity,
	api_visit_device *visit, void *context)
{
	const struct bench_device *device =
		find_device(recorder_bench(surface->recorder), identity);
	struct bench_device gone = {.identity = *identity, .mode = MODE_GONE};
	struct device_record record = device_record(surface, device ? device : &gone);

	visit(context, &record);
}

static int diagnose_subject(
	struct surface *surface, const struct subject *subject, struct verdict *ret)
{
	return is_named(subject)
		       ? history_diagnose(surface->history, &subject->identity, ret)
		       : history_diagnose_session(surface->history, &subject->session, ret);
}

static int answer_diagnose(void *user, const struct api_diagnose *query, struct verdict *ret,
	api_visit_device *device, api_visit_session *attempt, void *context)
{
	struct surface *surface = user;
	struct session_visit past = {surface, attempt, context};
	struct subject subject = {0};
	int r = find_subject(surface, query, &subject);

	if (r == 0)
		r = diagnose_subject(surface, &subject, ret);
	if (r < 0)
		return r;
	surface_show_device(surface, &subject.identity, device, context);
	if (is_named(&subject))
		surface_show_sessions(surface, &subject.identity, attempt, context);
	else
		history_attempt(surface->history, &subject.session, visit_past, &past);
	return 0;
}

static int begin_run(void *user, const struct api_run *run, struct uuid *ret)
{
	struct surface *surface = user;
	struct recorder_run begun = {
		.tool = run->tool,
		.tool_version = run->tool_version,
		.command_line = run->command_line,
		.ticket = run->ticket,
		.ecid = run->ecid,
		.udid = run->udid,
		.port = run->port,
		.conditions = run->conditions,
		.condition_count = run->condition_count,
	};

	return recorder_begin_run(surface->recorder, clock_now(), &begun, ret);
}

static int append_log(void *user, const struct uuid *id, uint64_t offset, const char *bytes,
	size_t length, uint64_t *ret_offset)
{
	struct surface *surface = user;

	return recorder_append_log(
		surface->recorder, clock_now(), id, offset, bytes, length, ret_offset);
}

static int end_run(void *user, const struct uuid *id, int64_t status_code)
{
	struct surface *surface = user;

	return recorder_end_run(surface->recorder, clock_now(), id, status_code);
}

struct api_backend surface_backend(struct surface *surface)
{
	struct api_backend backend = {
		.user = surface,
		.running_max = RECORDER_RUNS_MAX,
		.status = status,
		.devices = devices,
		.sessions = sessions,
		.session = session,
		.records = records,
		.diagnose = answer_diagnose,
		.begin_run = begin_run,
		.append_log = append_log,
		.end_run = end_run,
	};

	surface_add_writers(&backend);
	surface_add_tellers(&backend);
	return backend;
}
