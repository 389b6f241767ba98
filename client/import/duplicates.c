/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One restore is one attempt: a log may be of a restore that the daemon watched, or that was
 * imported from another log. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "client/import/import.h"
#include "common/base/text.h"
#include "common/logs/toollog.h"
#include "common/wire/records.h"

#define SESSIONS_COMPARED 50 /* the phone's newest ones */
/* Of these, one that ran at the time of an attempt: a phone does not restore twice at once. */
#define SESSIONS_AT_ONCE 8
#define RESTORE_US_MAX (24 * UINT64_C(3600) * USEC_PER_SEC)
#define LINES_AT_ONCE 200
#define LINES_LEAST 10 /* fewer may be the same in any restore */

static bool has_times(const struct attempt *attempt)
{
	return attempt->started.wall_us && attempt->ended.wall_us > attempt->started.wall_us;
}

/* Both have a start and an end, and overlapped for half of the shorter one's time: one phone does
 * not restore twice at once. Only a log with times has a time span. */
static bool ran_at_once(const struct attempt *attempt, struct json_object *session)
{
	uint64_t began = (uint64_t)field_number_or(session, "startedUSec", 0);
	uint64_t ended = (uint64_t)field_number_or(session, "endedUSec", 0);
	uint64_t from = attempt->started.wall_us, to = attempt->ended.wall_us;
	uint64_t shorter, first, last;

	if (!began || ended <= began || !has_times(attempt))
		return false;
	shorter = to - from < ended - began ? to - from : ended - began;
	first = from > began ? from : began;
	last = to < ended ? to : ended;
	return last > first && last - first >= shorter / 2;
}

/* Reads the log of a session from the daemon. */
struct kept_log {
	struct import *import;
	const char *session;
	struct json_object *reply; /* owned */
	struct json_object *records;
	size_t next;
	int64_t after;
	int code; /* enum exit_code */
};

/* Returns false at the end, and if the daemon did not answer. */
static bool read_on(struct kept_log *log)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	json_object_put(log->reply);
	log->reply = NULL;
	json_put_text(&builder, parameters, "session", log->session);
	json_put_number(&builder, parameters, "after", log->after);
	json_put_number(&builder, parameters, "limit", LINES_AT_ONCE);
	log->code = rpc_call(log->import->context, log->import->connection, "ReadLog", &builder,
		parameters, &log->reply);
	log->records = field_list(log->reply, "records");
	log->next = 0;
	return field_count(log->records) > 0;
}

static bool is_line(struct json_object *record)
{
	return text_equal(field_text_or(record, "kind", ""), "log") &&
	       text_equal(field_text_or(record, "source", ""), "tool");
}

/* The next line of the tool, borrowed; NULL if there is none. */
static struct json_object *next_kept_line(struct kept_log *log)
{
	while (log->next < field_count(log->records) || read_on(log)) {
		struct json_object *record = field_item(log->records, log->next++);

		log->after = field_number_or(record, "sequence", INT64_MAX);
		if (is_line(record))
			return record;
	}
	return NULL;
}

/* The next line of the current log, as the daemon would return it; owned by the caller. */
static struct json_object *next_told_line(struct spool *spool)
{
	struct event event;

	while (spool_next(spool, &event) > 0) {
		struct json_builder builder = {0};
		CLEANUP(json_object_putp)
		struct json_object *record =
			json_finish(&builder, record_to_json(&builder, &event));

		if (is_line(record))
			return TAKE_PTR(record);
	}
	return NULL;
}

/* Compares the next line of both. Returns false at the end of both, or if they differ. */
static bool compare_line(struct import *import, struct kept_log *log, bool *same)
{
	CLEANUP(json_object_putp) struct json_object *told = next_told_line(import->spool);
	struct json_object *kept = next_kept_line(log);

	if (told && kept)
		*same = text_equal(
			field_text_or(told, "text", ""), field_text_or(kept, "text", ""));
	else
		*same &= !told && !kept;
	return *same && told;
}

/* Whether both have the same lines, as far as stored, and at least one. Returns an enum
 * exit_code. */
static int has_same_lines(struct import *import, const char *session, bool *ret)
{
	struct kept_log log = {.import = import, .session = session};
	int r = spool_rewind(import->spool);

	if (r < 0)
		return import_spool_failed(r);
	*ret = false;
	while (compare_line(import, &log, ret))
		;
	json_object_put(log.reply);
	return log.code;
}

static bool has_span(struct json_object *session)
{
	return field_number_or(session, "endedUSec", 0) >
	       field_number_or(session, "startedUSec", 0);
}

/* The messages of lines, without times and levels: a tool's console and its log file have the same
 * ones. */
static struct uuid message_id(const char *line, bool *prefixed)
{
	const char *message = toollog_message_of(line);
	struct fingerprint print = {0};

	*prefixed |= isdigit((unsigned char)*line) && message != line;
	fingerprint_add(&print, message, strlen(message));
	return fingerprint_uuid(&print);
}

int import_read_messages(struct import *import, const char *session, struct import_messages *ret)
{
	struct kept_log log = {.import = import, .session = session};
	struct json_object *record;
	bool memory = true;

	*ret = (struct import_messages){0};
	while (memory && (record = next_kept_line(&log))) {
		const char *line = field_text_or(record, "text", "");
		struct uuid id = message_id(line, &ret->prefixed);

		memory = made_count(&ret->made, &id) >= 0;
		ret->count++;
	}
	json_object_put(log.reply);
	return memory ? log.code : report_no_memory();
}

bool import_has_message(const struct import_messages *messages, struct made *used, const char *line)
{
	bool prefixed = false;
	struct uuid id = message_id(line, &prefixed);
	int64_t before = made_count(used, &id);

	return before >= 0 && (uint64_t)before < made_times(&messages->made, &id);
}

/* A tool prints less than it writes into its log file. Whether one of both is all in the other, and
 * only the other has times: where both have, these tell two restores apart. */
static int has_less_or_more(struct import *import, const struct import_attempt *attempt,
	struct json_object *session, bool *ret)
{
	const struct attempt *told = attempt->c->attempts[0];
	bool timed = has_times(told);
	struct import_messages messages;
	struct made used = {0};
	struct json_object *line;
	uint64_t lines = 0, common = 0;
	int r;

	if (timed && has_span(session))
		return EXIT_DONE;
	r = import_read_messages(import, field_text_or(session, "session", ""), &messages);
	if (r == EXIT_DONE && spool_rewind(import->spool) < 0)
		r = EXIT_REFUSED;
	while (r == EXIT_DONE && (line = next_told_line(import->spool))) {
		common += import_has_message(&messages, &used, field_text_or(line, "text", ""));
		lines++;
		json_object_put(line);
	}
	*ret = common >= LINES_LEAST &&
	       (timed ? common == messages.count : common == lines && messages.prefixed);
	made_done(&used);
	made_done(&messages.made);
	return r;
}

/* `span`: only sessions that may have run at the time of that attempt; NULL = all. */
static int list_sessions(struct import *import, const struct identity *identity,
	const struct attempt *span, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	char ecid[ECID_TEXT_SIZE];

	if (identity->ecid)
		ecid_format(identity->ecid, ecid);
	json_put_text(&builder, parameters, "device", identity->ecid ? ecid : identity->udid);
	json_put_number(&builder, parameters, "limit", span ? SESSIONS_AT_ONCE : SESSIONS_COMPARED);
	if (span && span->started.wall_us > RESTORE_US_MAX) {
		json_put_number(&builder, parameters, "sinceUSec",
			(int64_t)(span->started.wall_us - RESTORE_US_MAX));
		json_put_number(&builder, parameters, "untilUSec", (int64_t)span->ended.wall_us);
	}
	return rpc_call_allowing(import->context, import->connection, "ListSessions", &builder,
		parameters, INTERFACE "NoSuchDevice", ret);
}

/* Only its modes were watched: the log has more. */
static bool is_bare(struct json_object *session)
{
	int64_t operation;

	return !field_text(session, "tool") && !field_number(session, "operation", &operation);
}

/* The watched session has the right computer, even if its name has changed since. */
static void take_place(struct attempt *attempt, struct json_object *session)
{
	text_copy(attempt->host, sizeof(attempt->host), field_text_or(session, "host", ""));
	text_copy(attempt->port, sizeof(attempt->port), field_text_or(session, "port", ""));
}

int import_find_twin(
	struct import *import, const struct import_attempt *attempt, struct json_object **ret)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct attempt *told = attempt->c->attempts[0];
	/* A file with many attempts does not come from a single restore: only times can show that
	 * one of them is known. */
	bool alone = import->attempt_count == 1, same = false;
	struct json_object *sessions;
	int r;

	if (!alone && !has_times(told))
		return EXIT_DONE;
	r = import_batch_receive(import);
	if (r == EXIT_DONE)
		r = list_sessions(import, &attempt->c->identity, alone ? NULL : told, &reply);
	sessions = field_list(reply, "sessions");
	for (size_t i = 0; r == EXIT_DONE && !same && i < field_count(sessions); i++) {
		struct json_object *session = field_item(sessions, i);
		const char *id = field_text_or(session, "session", "");
		struct uuid uuid;

		if (uuid_parse(id, &uuid) < 0 || uuid_equal(&uuid, &told->id))
			continue;
		same = ran_at_once(told, session);
		if (same && is_bare(session)) {
			take_place(told, session);
			same = false;
			continue;
		}
		if (!same && alone)
			r = has_same_lines(import, id, &same);
		if (r == EXIT_DONE && !same && alone)
			r = has_less_or_more(import, attempt, session, &same);
		if (same)
			*ret = json_object_get(session);
	}
	return r;
}
