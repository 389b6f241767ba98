/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges a fuller log into the session that is known from a poorer one: idevicerestore writes
 * checkpoints, link events and the answers of the signing server only into its log file. */
#include "client/import/import.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/wire/records.h"

#define REQUEST_RECORDS_BYTES 60000 /* of the 64 KiB of a request */

/* What a line means counts only with the line, except the steps: they are folded once more in the
 * order of the fuller log. A conclusion about the whole log comes at its end. */
static const enum {
	MERGE_WITH_LINE,
	MERGE_ALWAYS,
	MERGE_NEVER
} treatments[] = {
	[EVENT_STAGE] = MERGE_ALWAYS,
	[EVENT_OPERATION] = MERGE_ALWAYS,
	[EVENT_CHECKPOINT] = MERGE_ALWAYS,
	[EVENT_STATUS] = MERGE_ALWAYS,
	[EVENT_PROGRESS] = MERGE_NEVER,
	[EVENT_COMPLAINT] = MERGE_NEVER,
	[EVENT_OUTCOME] = MERGE_NEVER,
};

struct merge {
	struct import *import;
	const struct import_attempt *attempt;
	const char *session;
	struct import_messages known;
	struct made used;
	bool new_line; /* the last line is not known */
	struct json_builder builder;
	struct json_object *list; /* of the next request */
	size_t bytes;
	struct json_object *result; /* owned: the session after the last request; NULL = none yet */
	int code;		    /* enum exit_code */
};

static void send(struct merge *merge)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *parameters;

	if (merge->code != EXIT_DONE || merge->bytes == 0)
		return;
	parameters = json_new_object(&merge->builder);
	json_put_text(&merge->builder, parameters, "session", merge->session);
	json_put(&merge->builder, parameters, "records", TAKE_PTR(merge->list));
	merge->code = rpc_call(merge->import->context, merge->import->connection, "MergeRecords",
		&merge->builder, parameters, &reply);
	if (merge->code == EXIT_DONE) {
		json_object_put(merge->result);
		merge->result = json_object_get(field_object(reply, "result"));
	}
	merge->builder = (struct json_builder){0};
	merge->bytes = 0;
}

static void add(struct merge *merge, const struct event *event)
{
	struct json_builder builder = {0};
	struct json_object *record;
	size_t length;

	record = json_finish(&builder, record_to_json(&builder, event));
	if (!record || !json_write(record, &length) || length >= REQUEST_RECORDS_BYTES) {
		json_object_put(record);
		return;
	}
	if (merge->bytes + length + 1 > REQUEST_RECORDS_BYTES)
		send(merge);
	if (!merge->list)
		merge->list = json_new_array(&merge->builder);
	json_add(&merge->builder, merge->list, record);
	merge->bytes += length + 1;
}

/* Counts the lines that are not known. Returns a negative errno of the spool, or 0. */
static int count_new(struct merge *merge, uint64_t *ret)
{
	char line[EVENT_TEXT_MAX + 1];
	struct event event;
	int r = spool_rewind(merge->import->spool);

	while (r >= 0 && (r = spool_next(merge->import->spool, &event)) > 0) {
		if (event.kind != EVENT_LOG)
			continue;
		snprintf(line, sizeof(line), "%.*s", (int)event.text_length, event.text);
		*ret += !import_has_message(&merge->known, &merge->used, line);
	}
	made_done(&merge->used);
	return r;
}

static bool is_wanted(struct merge *merge, const struct event *event)
{
	char line[EVENT_TEXT_MAX + 1];

	if (event->source != SOURCE_TOOL)
		return false;
	if (event->kind == EVENT_LOG) {
		snprintf(line, sizeof(line), "%.*s", (int)event->text_length, event->text);
		merge->new_line = !import_has_message(&merge->known, &merge->used, line);
	} else if ((size_t)event->kind < ARRAY_SIZE(treatments) && treatments[event->kind]) {
		return treatments[event->kind] == MERGE_ALWAYS;
	}
	return merge->new_line;
}

/* Times of a log count from its start. */
static void place_in_time(const struct attempt *attempt, struct event *event)
{
	if (event->at.monotonic_us >= attempt->started.monotonic_us)
		event->at.wall_us = attempt->started.wall_us + event->at.monotonic_us -
				    attempt->started.monotonic_us;
}

static int send_records(struct merge *merge)
{
	const struct attempt *attempt = merge->attempt->c->attempts[0];
	struct event event;
	int r = spool_rewind(merge->import->spool);

	while (r >= 0 && (r = spool_next(merge->import->spool, &event)) > 0) {
		if (!is_wanted(merge, &event))
			continue;
		place_in_time(attempt, &event);
		add(merge, &event);
	}
	return r;
}

/* What holds at the end of the fuller log: its last error; the outcome, where it was not known; and
 * the progress of the last step, which a log file does not have. */
static void send_end(struct merge *merge, struct json_object *session)
{
	const struct attempt *attempt = merge->attempt->c->attempts[0];
	const char *outcome = field_text_or(session, "outcome", "");
	struct event event = {.at = attempt->ended,
		.source = SOURCE_TOOL,
		.sequence = spool_last(merge->import->spool) + 1};

	event.kind = EVENT_COMPLAINT;
	event_set_text(&event, attempt->complaining ? attempt->complaint : "");
	add(merge, &event);
	event_set_text(&event, "");
	event.kind = EVENT_PROGRESS;
	event.permille = (int32_t)field_number_or(session, "permille", -1);
	if (event.permille >= 0 &&
		field_number_or(session, "operation", 0) == (int64_t)attempt->operation)
		add(merge, &event);
	event.permille = 0;
	event.kind = EVENT_OUTCOME;
	event.number = attempt->outcome;
	if ((text_equal(outcome, "ended-unknown") || text_equal(outcome, "lost")) &&
		(attempt->outcome == OUTCOME_FAILED || attempt->outcome == OUTCOME_SUCCEEDED))
		add(merge, &event);
	send(merge);
}

int import_merge(struct import *import, const struct import_attempt *attempt,
	struct json_object **session, uint64_t *ret)
{
	char id[UUID_TEXT_SIZE];
	struct merge merge = {.import = import, .attempt = attempt, .session = id};
	int r = 0;

	*ret = 0;
	if (text_equal(field_text_or(*session, "outcome", ""), "running"))
		return EXIT_DONE;
	text_copy(id, sizeof(id), field_text_or(*session, "session", ""));
	merge.code = import_read_messages(import, id, &merge.known);
	if (merge.code == EXIT_DONE)
		r = count_new(&merge, ret);
	if (merge.code == EXIT_DONE && r >= 0 && *ret > 0) {
		r = send_records(&merge);
		if (r >= 0)
			send_end(&merge, *session);
		if (merge.result) {
			json_object_put(*session);
			*session = merge.result;
		}
	}
	json_object_put(merge.list);
	made_done(&merge.used);
	made_done(&merge.known.made);
	return r < 0 ? import_spool_failed(r) : merge.code;
}
