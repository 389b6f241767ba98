/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/store/schema.h"
#include "common/wire/records.h"
#include "daemon/server/methods.h"

int methods_open_casebook(struct request *request, struct casebook_file **ret)
{
	struct sealer *sealer = request->api->parts.sealer;

	*ret = sealer_casebook(sealer);
	return *ret ? API_OK : call_no_casebook(&request->call, sealer_error(sealer));
}

static int add_history(struct casebook_file *file, const struct triage_case *c, struct stamp now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->history_count; i++) {
		const struct note note = {.id = uuid_make(now),
			.at_us = now.wall_us,
			.kind = NOTE_HISTORY,
			.text = c->history[i]};

		r = casebook_file_note(file, &c->identity, &note);
	}
	return r;
}

/* Returns 1 if the attempt was added, 0 if it already existed, or a negative errno. */
static int add_case(
	const struct api_parts *parts, struct casebook_file *file, const struct triage_case *c)
{
	const struct casebook_seal seal = {
		.attempt = c->attempts[0], .identity = &c->identity, .origin = ORIGIN_TOLD};
	int added, r;

	/* The daemon itself has recorded the sessions of the bench. */
	if (bench_find_session(parts->store->bench, &c->attempts[0]->id))
		return 0;
	added = r = casebook_file_add(file, clock_now(), &seal);
	if (r >= 0)
		r = add_history(file, c, clock_now());
	if (r < 0)
		return r;
	if (added)
		diagnoser_judge_phone(parts->diagnoser, &c->identity);
	return added;
}

/* Reads the member `case` of an object. Returns 0, -EBADMSG or -ENOMEM. */
static int read_case(struct json_object *parameters, struct triage_case **ret)
{
	struct json_object *object = NULL;
	char message[CASEFILE_MESSAGE_SIZE];
	int r = json_get_object(parameters, "case", &object);

	r = r < 0 ? -EBADMSG : casefile_from_json(object, ret, message);
	if (r < 0)
		return r;
	return (*ret)->attempt_count == 1 && !uuid_is_none(&(*ret)->attempts[0]->id) &&
			       identity_is_known(&(*ret)->identity)
		       ? 0
		       : -EBADMSG;
}

int methods_add_attempt(struct request *request)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct call *call = &request->call;
	struct casebook_file *file;
	char id[UUID_TEXT_SIZE];
	int r = methods_open_casebook(request, &file);

	if (r == API_OK)
		r = read_case(call->parameters, &c);
	if (r != API_OK)
		return r == -EBADMSG ? call_bad(call, "case") : r;
	r = add_case(&request->api->parts, file, c);
	if (r < 0)
		return call_no_casebook(call, r);
	uuid_format(&c->attempts[0]->id, id);
	json_put_text(&call->builder, call->answer, "session", id);
	json_put_bool(&call->builder, call->answer, "added", r > 0);
	return API_OK;
}

/* The attempt to which records are added. */
struct target {
	struct attempt attempt;
	struct identity identity;
	bool told, foreign;
};

static bool take_target(void *context, const struct kept_attempt *kept)
{
	struct target *target = context;

	target->attempt = *kept->attempt;
	target->identity = *kept->identity;
	target->told = text_equal(kept->origin, ORIGIN_TOLD);
	target->foreign = text_equal(kept->origin, ORIGIN_IMPORTED);
	return false;
}

/* Returns 0, API_NO_SUCH_SESSION, API_SESSION_WATCHED if it gets no records but by merging,
 * API_SESSION_FOREIGN if it gets none by merging, or an errno of the casebook. */
static int find_target(
	struct store *store, const struct uuid *session, bool merges, struct target *target)
{
	int r = casebook_attempt(store->book, session, take_target, target);

	if (r == 0)
		return API_NO_SUCH_SESSION;
	if (r > 0 && merges && target->foreign)
		return API_SESSION_FOREIGN;
	if (r > 0 && !target->told && !target->foreign && !merges)
		return API_SESSION_WATCHED;
	return r < 0 ? r : 0;
}

/* The state of writing records to the casebook. */
struct record_writer {
	struct target *target;
	enum outcome before; /* of the target, before any record */
	bool merges;	     /* the records are of a log of the attempt, and follow its own */
	bool amended;	     /* one of them corrects the attempt */
	struct casebook_file *file;
	const struct uuid *session;
	struct record_run run;
	uint8_t *bytes; /* of the run */
	uint64_t last;	/* sequence of the newest record */
};

static int flush(struct record_writer *writer)
{
	int r = 0;

	if (writer->run.length > 0)
		r = casebook_file_keep(writer->file, clock_now(), writer->session, &writer->run);
	writer->run.length = 0;
	return r;
}

static int write_record(struct record_writer *writer, const struct event *event)
{
	struct record_run *run = &writer->run;

	if (event->sequence <= writer->last)
		return 0;
	if (run->length == 0)
		run->first = event->sequence;
	run->last = writer->last = event->sequence;
	run->length = record_run_append(writer->bytes, run->length, event);
	/* What another bench writes has all that its records tell. */
	if ((event->kind == EVENT_AMENDMENT && !writer->target->foreign) || writer->merges) {
		attempt_fold(&writer->target->attempt, event);
		identity_fold(&writer->target->identity, event);
		writer->amended = true;
	}
	return run->length >= RECORD_RUN_BYTES ? flush(writer) : 0;
}

static int seal_target(struct record_writer *writer)
{
	const struct casebook_seal seal = {.attempt = &writer->target->attempt,
		.identity = &writer->target->identity,
		.origin = ORIGIN_TOLD};

	return casebook_file_seal(writer->file, clock_now(), &seal);
}

/* Turns a record of a log into one of the attempt: at the same time of its own clock. */
static void place_event(struct event *event, const struct attempt *attempt, uint64_t sequence)
{
	const struct stamp *from = &attempt->started, *to = &attempt->ended;

	event->sequence = sequence;
	event->session = attempt->id;
	event->source = SOURCE_TOOL;
	event->at.monotonic_us = to->monotonic_us;
	if (event->at.wall_us >= from->wall_us && event->at.wall_us <= to->wall_us)
		event->at.monotonic_us = from->monotonic_us + event->at.wall_us - from->wall_us;
}

/* Whether a log says it: not what a session, or a person, concluded. An end that is known stays. */
static bool may_merge(enum outcome before, enum event_kind kind)
{
	if (kind == EVENT_OUTCOME)
		return before == OUTCOME_LOST || before == OUTCOME_ENDED_UNKNOWN;
	return kind == EVENT_ATTACH || kind == EVENT_DETACH || kind == EVENT_IDENTITY ||
	       (kind >= EVENT_TOOL_VERSION && kind <= EVENT_COMPLAINT);
}

static void begin_target(struct record_writer *writer, uint64_t last)
{
	writer->session = &writer->target->attempt.id;
	writer->before = writer->target->attempt.outcome;
	writer->last = last;
	writer->amended = false;
	writer->run.length = 0;
}

/* Part of a transaction. Returns 0, -EINVAL for a wrong record, or an errno of the casebook. */
static int write_records(struct record_writer *writer, struct json_object *array)
{
	char text[EVENT_TEXT_MAX + 1];
	struct event event;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(array); i++) {
		if (record_from_json(json_object_array_get_idx(array, i), &event, text) < 0 ||
			(writer->merges && !may_merge(writer->before, event.kind)))
			return -EINVAL;
		if (writer->merges)
			place_event(&event, &writer->target->attempt, writer->last + 1);
		r = write_record(writer, &event);
	}
	if (r == 0)
		r = flush(writer);
	return r == 0 && writer->amended ? seal_target(writer) : r;
}

/* Ends the transaction. `wrong` names the parameter if r is -EINVAL. */
static int finish_records(struct call *call, struct casebook_file *file, int r, const char *wrong)
{
	int ended = casebook_file_end(file, r == 0);

	if (r == 0)
		r = ended;
	if (r == -EINVAL)
		return call_bad(call, wrong);
	return r < 0 ? call_no_casebook(call, r) : API_OK;
}

static int add_records(struct request *request, bool merges)
{
	CLEANUP(freep) uint8_t *bytes = malloc(RECORD_RUN_BYTES_MAX);
	CLEANUP(freep) struct target *target = calloc(1, sizeof(*target));
	const struct api_parts *parts = &request->api->parts;
	struct call *call = &request->call;
	struct record_writer writer = {
		.bytes = bytes, .run.bytes = bytes, .target = target, .merges = merges};
	struct json_object *array = NULL;
	struct casebook_kept kept;
	struct uuid session;
	int r = bytes && target ? methods_open_casebook(request, &writer.file) : -ENOMEM;

	if (r == API_OK)
		r = call_session(call, &session);
	if (r != API_OK)
		return r;
	r = find_target(parts->store, &session, merges, target);
	if (r > 0)
		return r;
	if (r == 0)
		r = casebook_file_kept(writer.file, &session, &kept);
	if (r == 0)
		r = casebook_file_begin(writer.file);
	if (r < 0)
		return call_no_casebook(call, r);
	begin_target(&writer, kept.last_sequence);
	json_get_array(call->parameters, "records", &array);
	r = finish_records(call, writer.file, write_records(&writer, array), "records");
	if (r == API_OK && writer.amended)
		diagnoser_judge_phone(parts->diagnoser, &target->identity);
	return r;
}

/* Adds the records that an attempt does not have yet; those of a watched one are its own. */
static int add_item_records(struct request *request, struct record_writer *writer,
	const struct triage_case *c, bool added, struct json_object *array)
{
	struct store *store = request->api->parts.store;
	struct casebook_kept kept = {0};
	int r = 0;

	if (json_count(array) == 0)
		return 0;
	if (added) {
		writer->target->attempt = *c->attempts[0];
		writer->target->identity = c->identity;
	} else {
		r = find_target(store, &c->attempts[0]->id, false, writer->target);
		if (r == 0)
			r = casebook_file_kept(writer->file, &c->attempts[0]->id, &kept);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	begin_target(writer, kept.last_sequence);
	r = write_records(writer, array);
	if (r == 0 && writer->amended)
		diagnoser_judge_phone(request->api->parts.diagnoser, &writer->target->identity);
	return r;
}

/* Part of a transaction. Returns as write_records(), or -ENOMEM. */
static int add_item(struct request *request, struct record_writer *writer, struct json_object *item)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct json_builder *builder = &request->call.builder;
	struct json_object *array = NULL, *list = NULL;
	int added, r = read_case(item, &c);

	if (r == 0 && json_get_array(item, "records", &array) < 0)
		r = -EBADMSG;
	if (r < 0)
		return r == -EBADMSG ? -EINVAL : r;
	added = add_case(&request->api->parts, writer->file, c);
	if (added < 0)
		return added;
	json_get_array(request->call.answer, "added", &list);
	json_add(builder, list, json_object_new_boolean(added));
	return add_item_records(request, writer, c, added, array);
}

int methods_add_attempts(struct request *request)
{
	CLEANUP(freep) uint8_t *bytes = malloc(RECORD_RUN_BYTES_MAX);
	CLEANUP(freep) struct target *target = calloc(1, sizeof(*target));
	struct record_writer writer = {.bytes = bytes, .run.bytes = bytes, .target = target};
	struct call *call = &request->call;
	struct json_object *array = NULL;
	int r = bytes && target ? methods_open_casebook(request, &writer.file) : -ENOMEM;

	if (r != API_OK)
		return r;
	json_get_array(call->parameters, "attempts", &array);
	if (json_count(array) > VARLINK_ATTEMPTS_MAX)
		return call_bad(call, "attempts");
	r = casebook_file_begin(writer.file);
	if (r < 0)
		return call_no_casebook(call, r);
	json_put(&call->builder, call->answer, "added", json_new_array(&call->builder));
	for (size_t i = 0; r == 0 && i < json_count(array); i++)
		r = add_item(request, &writer, json_object_array_get_idx(array, i));
	return finish_records(call, writer.file, r, "attempts");
}

int methods_add_records(struct request *request)
{
	return add_records(request, false);
}

/* A session of the bench gets them like any other record; its seal follows. */
static int feed_records(
	struct request *request, struct json_object *array, const struct session *session)
{
	struct call *call = &request->call;
	char text[EVENT_TEXT_MAX + 1];
	struct event event;

	if (session_is_open(session)) {
		call->detail = call_text(call, "session");
		return API_DEVICE_BUSY;
	}
	for (size_t i = 0; i < json_count(array); i++)
		if (record_from_json(json_object_array_get_idx(array, i), &event, text) < 0 ||
			!may_merge(session->attempt.outcome, event.kind))
			return call_bad(call, "records");
	for (size_t i = 0; i < json_count(array); i++) {
		record_from_json(json_object_array_get_idx(array, i), &event, text);
		place_event(&event, &session->attempt, 0);
		recorder_feed(request->api->parts.recorder, &event);
	}
	return API_OK;
}

int methods_merge_records(struct request *request)
{
	struct call *call = &request->call;
	struct json_object *array = NULL;
	const struct session *watched;
	struct uuid session;
	int r = call_session(call, &session);

	if (r != API_OK)
		return r;
	json_get_array(call->parameters, "records", &array);
	watched = bench_find_session(request->api->parts.store->bench, &session);
	r = watched ? feed_records(request, array, watched) : add_records(request, true);
	return r == API_OK ? query_put_session(&request->api->query, call, &session, "result") : r;
}
