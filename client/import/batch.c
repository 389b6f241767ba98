/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends attempts together: a message, and a transaction of the daemon, for several of them. */
#include "client/import/import.h"

#include <stdio.h>
#include <string.h>

#include "common/casefile/casefile.h"
#include "common/wire/records.h"

#define BATCH_BYTES 60000 /* of the 64 KiB of a request */

static struct json_object *records_of(struct import *import, const struct attempt *attempt)
{
	struct json_builder builder = {0};
	struct json_object *list = json_new_array(&builder);
	struct event event;
	int r = spool_rewind(import->spool);

	while (r >= 0 && (r = spool_next(import->spool, &event)) > 0) {
		event.at = import_place_in_time(attempt, event.at);
		event.session = attempt->id;
		json_add(&builder, list, record_to_json(&builder, &event));
	}
	builder.failed |= r < 0;
	return json_finish(&builder, list);
}

/* The attempt with its records, for AddAttempts. NULL if it must be sent alone. */
static struct json_object *entry_of(
	struct import *import, const struct import_attempt *attempt, size_t *ret_bytes)
{
	struct json_builder builder = {0};
	struct json_object *entry;

	if (attempt->records || spool_bytes(import->spool) > BATCH_BYTES)
		return NULL;
	entry = json_new_object(&builder);
	json_put(&builder, entry, "case", casefile_to_json(attempt->c, CASEFILE_REVEAL));
	json_put(&builder, entry, "records", records_of(import, attempt->c->attempts[0]));
	entry = json_freeze(&builder, json_finish(&builder, entry));
	if (!entry || !json_write(entry, ret_bytes) || *ret_bytes > BATCH_BYTES) {
		json_object_put(entry);
		return NULL;
	}
	return entry;
}

static void batch_done(struct import_batch *batch)
{
	json_object_put(batch->entries);
	for (size_t i = 0; i < batch->count; i++)
		triage_case_free(batch->attempts[i].c);
	*batch = (struct import_batch){0};
}

/* The import stops at the first failure: what waits is not sent. */
static int end_batch(struct import *import, int r)
{
	if (r != EXIT_DONE)
		batch_done(&import->batch);
	return r;
}

int import_batch_receive(struct import *import)
{
	struct import_batch *sent = &import->sent;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *added;
	size_t count = sent->count;
	int r = EXIT_DONE;

	sent->count = 0;
	if (count > 0)
		r = rpc_receive(import->context, import->connection, "AddAttempts", &reply);
	added = field_list(reply, "added");
	for (size_t i = 0; i < count; i++) {
		struct import_attempt *attempt = &sent->attempts[i];

		if (r == EXIT_DONE)
			r = import_finish(import, attempt, NULL,
				i < field_count(added) &&
					json_object_get_boolean(field_item(added, i)));
		attempt->c = triage_case_free(attempt->c);
	}
	return end_batch(import, r);
}

int import_batch_send(struct import *import)
{
	struct import_batch *batch = &import->batch;
	struct json_builder builder = {0};
	struct json_object *parameters;
	int r = import_batch_receive(import);

	if (r != EXIT_DONE || batch->count == 0)
		return r;
	parameters = json_new_object(&builder);
	json_put(&builder, parameters, "attempts", TAKE_PTR(batch->entries));
	r = rpc_send(import->context, import->connection, "AddAttempts", &builder, parameters);
	if (r != EXIT_DONE)
		return end_batch(import, r);
	import->sent = *batch;
	*batch = (struct import_batch){0};
	return EXIT_DONE;
}

int import_batch_settle(struct import *import)
{
	int r = import_batch_send(import);

	return r == EXIT_DONE ? import_batch_receive(import) : r;
}

int import_batch_add(struct import *import, struct import_attempt *attempt, bool *ret)
{
	struct import_batch *batch = &import->batch;
	struct json_builder builder = {0};
	struct json_object *entry;
	size_t bytes = 0;
	int r = EXIT_DONE;

	*ret = false;
	attempt->left_out = attempt->records ? 0 : spool_left_out(import->spool);
	entry = entry_of(import, attempt, &bytes);
	if (!entry)
		r = import_batch_settle(import);
	else if (batch->count == VARLINK_ATTEMPTS_MAX || batch->bytes + bytes > BATCH_BYTES)
		r = import_batch_send(import);
	if (r != EXIT_DONE || !entry) {
		json_object_put(entry);
		return r;
	}
	if (batch->count == 0)
		batch->entries = json_new_array(&builder);
	json_add(&builder, batch->entries, entry);
	if (builder.failed)
		return report_no_memory();
	batch->bytes += bytes + 1;
	batch->attempts[batch->count++] = *attempt;
	attempt->c = NULL;
	*ret = true;
	return EXIT_DONE;
}

bool import_batch_meets(const struct import *import, const struct import_attempt *attempt)
{
	const struct attempt *b = attempt->c->attempts[0];

	for (size_t i = 0; i < import->batch.count; i++) {
		const struct triage_case *c = import->batch.attempts[i].c;
		const struct attempt *a = c->attempts[0];

		if (identity_matches(&c->identity, &attempt->c->identity) &&
			a->started.wall_us <= b->ended.wall_us &&
			b->started.wall_us <= a->ended.wall_us)
			return true;
	}
	return false;
}

void import_batch_done(struct import *import)
{
	batch_done(&import->batch);
	batch_done(&import->sent);
}
