/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends an attempt to the daemon. */
#include "client/import/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/wire/records.h"

/* For the records in a request: the rest of its 64 KiB is for the text around them. */
#define REQUEST_RECORDS_BYTES 60000

static bool are_different(const struct identity *a, const struct identity *b)
{
	if (a->ecid && b->ecid)
		return a->ecid != b->ecid;
	return a->udid[0] && b->udid[0] && !text_equal(a->udid, b->udid);
}

/* One message for many attempts: a log names its phone in all of them or in none. */
static bool refuse(struct import *import, const char *sentence)
{
	if (import->refused_count++ == 0)
		import_complain(
			import, EXIT_REFUSED, "attempt %zu %s", import->attempt_count, sentence);
	return false;
}

void import_sum_up(struct import *import)
{
	if (import->refused_count > 1)
		import_complain(import, EXIT_REFUSED,
			"the same is true for %zu of its %zu attempts.", import->refused_count,
			import->attempt_count);
}

/* After such a refusal, the daemon would refuse the next attempt too. */
static bool stop(struct import *import, int code)
{
	if (import->code == EXIT_DONE)
		import->code = code;
	return false;
}

/* An attempt of a case is of its phone, or of one that the file does not name. */
static bool add_to_case(struct import *import, const struct import_attempt *attempt)
{
	struct triage_case *c = import->collected;
	const struct attempt *read = attempt->c->attempts[0];
	struct attempt *kept;

	if (are_different(&c->identity, &attempt->c->identity)) {
		refuse(import, "is of another phone than the attempts before it. Save the log of "
			       "each phone in a separate file.");
		return true;
	}
	for (size_t i = 0; i < c->attempt_count; i++)
		if (uuid_equal(&c->attempts[i]->id, &read->id))
			return true;
	kept = triage_case_add(c);
	if (!kept)
		return stop(import, report_no_memory());
	*kept = *read;
	identity_merge(&c->identity, &attempt->c->identity);
	for (size_t i = 0; i < attempt->c->history_count; i++)
		triage_case_add_history(c, attempt->c->history[i]);
	return true;
}

/* Returns false if the phone is unknown, or another one. */
static bool add_device(struct import *import, struct triage_case *c)
{
	const struct identity *asked = &import->options.device;
	struct identity identity = c->identity;

	if (are_different(&identity, asked))
		return refuse(
			import, "is of another phone than --device names; leave out --device.");
	identity_merge(&identity, asked);
	if (!identity.ecid && !identity.udid[0])
		return refuse(import, "names no phone; add --device ECID.");
	c->identity = identity;
	return true;
}

/* The same lines of the same phone are the same attempt, in whichever file; but a log that contains
 * them twice has two attempts. Returns 0 or -ENOMEM. */
static int make_id(struct import *import, const struct import_attempt *attempt, struct uuid *ret)
{
	struct fingerprint print = attempt->content;
	struct uuid id;
	int64_t before;

	fingerprint_add_number(&print, attempt->c->identity.ecid);
	if (!attempt->c->identity.ecid)
		fingerprint_add(
			&print, attempt->c->identity.udid, strlen(attempt->c->identity.udid));
	id = fingerprint_uuid(&print);
	before = made_count(&import->made, &id);
	if (before < 0)
		return -ENOMEM;
	fingerprint_add_number(&print, (uint64_t)before);
	*ret = before ? fingerprint_uuid(&print) : id;
	return 0;
}

static int send_attempt(
	struct import *import, const struct import_attempt *attempt, bool *ret_added)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put(&builder, parameters, "case", casefile_to_json(attempt->c, CASEFILE_REVEAL));
	r = rpc_call(
		import->context, import->connection, "AddAttempt", &builder, parameters, &reply);
	*ret_added = field_true(reply, "added");
	return r;
}

/* The source of an attempt's records: a list of a case file, or the spool. */
struct feed {
	struct json_object *list;
	size_t next;
	struct spool *spool;
	const struct attempt *attempt;
	uint64_t too_large; /* for a request */
};

struct stamp import_place_in_time(const struct attempt *attempt, struct stamp at)
{
	if (attempt->started.wall_us && at.monotonic_us >= attempt->started.monotonic_us)
		at.wall_us =
			attempt->started.wall_us + at.monotonic_us - attempt->started.monotonic_us;
	return at;
}

/* Returns 1 with *ret owned by the caller, 0 at the end, or a negative errno. */
static int next_record(struct feed *feed, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct event event;
	int r;

	if (feed->list) {
		if (feed->next == field_count(feed->list))
			return 0;
		*ret = json_object_get(field_item(feed->list, feed->next++));
		return 1;
	}
	r = spool_next(feed->spool, &event);
	if (r <= 0)
		return r;
	event.at = import_place_in_time(feed->attempt, event.at);
	event.session = feed->attempt->id;
	*ret = json_finish(&builder, record_to_json(&builder, &event));
	return *ret ? 1 : -ENOMEM;
}

/* Collects records for one request. Returns 1 with *ret a list owned by the caller, 0 if there are
 * no more, or a negative errno. `*held` is a record that did not fit. */
static int gather(struct feed *feed, struct json_builder *builder, struct json_object **held,
	struct json_object **ret)
{
	struct json_object *list = json_new_array(builder), *record = TAKE_PTR(*held);
	size_t bytes = 0, length = 0;
	int r = 1;

	while (record || (r = next_record(feed, &record)) > 0) {
		bool fits = json_write(record, &length) && length < REQUEST_RECORDS_BYTES;

		if (fits && bytes + length + 1 > REQUEST_RECORDS_BYTES) {
			*held = record;
			break;
		}
		feed->too_large += !fits;
		bytes += fits ? length + 1 : 0;
		if (fits)
			json_add(builder, list, record);
		else
			json_object_put(record);
		record = NULL;
	}
	*ret = list;
	return r < 0 ? r : bytes > 0;
}

int import_spool_failed(int error)
{
	report_error("Cannot store the records of a log in a temporary file: %s. Free some space, "
		     "or set $TMPDIR to another folder.",
		strerror(-error));
	return EXIT_REFUSED;
}

/* A session that the daemon watched already has its records. */
static int add_records(
	struct import *import, struct json_builder *builder, struct json_object *parameters)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;

	return rpc_call_allowing(import->context, import->connection, "AddRecords", builder,
		parameters, INTERFACE "SessionWatched", &reply);
}

static int send_records(struct import *import, struct feed *feed)
{
	CLEANUP(json_object_putp) struct json_object *held = NULL;
	char session[UUID_TEXT_SIZE];
	int r = feed->list ? 0 : spool_rewind(feed->spool);

	uuid_format(&feed->attempt->id, session);
	while (r >= 0) {
		struct json_builder builder = {0};
		struct json_object *parameters, *list = NULL;

		r = gather(feed, &builder, &held, &list);
		if (r <= 0) {
			json_object_put(list);
			break;
		}
		parameters = json_new_object(&builder);
		json_put_text(&builder, parameters, "session", session);
		json_put(&builder, parameters, "records", list);
		r = add_records(import, &builder, parameters);
		if (r != EXIT_DONE)
			return r;
	}
	return r < 0 ? import_spool_failed(r) : EXIT_DONE;
}

static int64_t last_sequence(const struct feed *feed)
{
	size_t count = field_count(feed->list);

	if (!feed->list)
		return (int64_t)spool_last(feed->spool);
	return count ? field_number_or(field_item(feed->list, count - 1), "sequence", 0) : 0;
}

/* Whether the daemon has the last record, and therefore all: an import may have been
 * interrupted. */
static int ask_complete(struct import *import, const struct feed *feed, bool *ret)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *records;
	char session[UUID_TEXT_SIZE];
	int64_t last = last_sequence(feed);
	int r;

	uuid_format(&feed->attempt->id, session);
	json_put_text(&builder, parameters, "session", session);
	json_put_number(&builder, parameters, "after", last > 0 ? last - 1 : 0);
	json_put_number(&builder, parameters, "limit", 1);
	r = rpc_call(import->context, import->connection, "ReadLog", &builder, parameters, &reply);
	records = field_list(reply, "records");
	*ret = last == 0 || (field_count(records) > 0 &&
				    field_number_or(field_item(records, 0), "sequence", 0) == last);
	return r;
}

int import_send_records(struct import *import, const struct attempt *attempt,
	struct json_object *records, bool is_new)
{
	struct feed feed = {.list = records, .attempt = attempt};
	bool complete = field_count(records) == 0;
	int r = EXIT_DONE;

	if (!complete && !is_new)
		r = ask_complete(import, &feed, &complete);
	return r == EXIT_DONE && !complete ? send_records(import, &feed) : r;
}

static int send_all(struct import *import, struct import_attempt *attempt, bool *ret_added)
{
	struct feed feed = {.list = attempt->records,
		.spool = import->spool,
		.attempt = attempt->c->attempts[0]};
	bool complete = false;
	int r = send_attempt(import, attempt, ret_added);

	attempt->left_out = attempt->records ? 0 : spool_left_out(import->spool);

	if (r == EXIT_DONE && !*ret_added)
		r = ask_complete(import, &feed, &complete);
	if (r == EXIT_DONE && !complete)
		r = send_records(import, &feed);
	attempt->left_out += feed.too_large;
	return r;
}

static struct json_object *session_of(
	struct json_builder *builder, const struct import_attempt *attempt)
{
	struct identity identity = attempt->c->identity;
	struct session_record record = {.attempt = attempt->c->attempts[0], .identity = &identity};

	return session_to_json(builder, &record);
}

/* What the command line says of a known attempt corrects it. Of a session of the daemon it says no
 * computer, port and tool: the daemon saw them. *session is the attempt as shown. */
static int correct_known(
	struct import *import, struct import_attempt *attempt, struct json_object **session)
{
	static const char *const seen[] = {"host", "hostOs", "port", "tool"};
	const struct reported *all = &import->options.reported;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct reported reported = {.count = 0};
	char id[UUID_TEXT_SIZE];
	const char *name = *session ? field_text_or(*session, "session", "") : id;
	int r;

	uuid_format(&attempt->c->attempts[0]->id, id);
	for (size_t i = 0; i < all->count; i++) {
		bool left_out = false;

		for (size_t j = 0; *session && j < ARRAY_SIZE(seen); j++)
			left_out |= text_equal(all->details[i].key, seen[j]);
		if (!left_out)
			reported.details[reported.count++] = all->details[i];
	}
	if (reported.count == 0)
		return EXIT_DONE;
	r = reported_amend(import->context, import->connection, name, &reported, &reply);
	if (r != EXIT_DONE)
		return r;
	attempt->corrected = json_object_get(field_list(reply, "changes"));
	json_object_put(*session);
	*session = json_object_get(field_object(reply, "result"));
	return EXIT_DONE;
}

/* Takes ownership of `session`. */
static void show(struct import *import, const struct import_attempt *attempt,
	struct json_object *session, bool added)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);

	json_put_text(&builder, object, "file", import->member->label);
	json_put_number(&builder, object, "attempt", (int64_t)attempt->number);
	json_put(&builder, object, "session", session ? session : session_of(&builder, attempt));
	json_put_number(&builder, object, "lines", (int64_t)attempt->lines);
	json_put_bool(&builder, object, "dryRun", import->options.dry_run);
	if (!import->options.dry_run)
		json_put_bool(&builder, object, "added", added);
	if (field_count(attempt->corrected) > 0)
		json_put(&builder, object, "corrected", json_object_get(attempt->corrected));
	json_put_known_number(&builder, object, "linesMerged", (int64_t)attempt->merged);
	json_put_known_number(&builder, object, "recordsLeftOut", (int64_t)attempt->left_out);
	import_clear_bar(import);
	if (!builder.failed)
		import->context->output->imported(&import->context->layout, object);
}

int import_finish(struct import *import, struct import_attempt *attempt,
	struct json_object *session, bool added)
{
	int r = EXIT_DONE;

	if (!added && !import->options.dry_run)
		r = correct_known(import, attempt, &session);
	if (r == EXIT_DONE)
		show(import, attempt, TAKE_PTR(session), added);
	json_object_put(session);
	json_object_put(attempt->corrected);
	return r;
}

/* Merges the attempt into a session that has it, or sends it, alone or together with others. */
static int deliver(struct import *import, struct import_attempt *attempt)
{
	CLEANUP(json_object_putp) struct json_object *twin = NULL;
	bool waits = false, added = false;
	int r = EXIT_DONE;

	if (attempt->of_log && import_batch_meets(import, attempt))
		r = import_batch_send(import);
	if (r == EXIT_DONE && attempt->of_log)
		r = import_find_twin(import, attempt, &twin);
	if (r == EXIT_DONE && twin)
		r = import_batch_settle(import);
	if (r == EXIT_DONE && twin)
		r = import_merge(import, attempt, &twin, &attempt->merged);
	else if (r == EXIT_DONE)
		r = import_batch_add(import, attempt, &waits);
	if (r != EXIT_DONE || waits)
		return r;
	if (!twin)
		r = send_all(import, attempt, &added);
	return r == EXIT_DONE ? import_finish(import, attempt, TAKE_PTR(twin), added) : r;
}

bool import_deliver(struct import *import, struct import_attempt *attempt)
{
	struct attempt *told = attempt->c->attempts[0];
	int r;

	if (import->attempt_count == IMPORT_ATTEMPTS_MAX) {
		import_complain(import, EXIT_REFUSED, "more than %d attempts in one file.",
			IMPORT_ATTEMPTS_MAX);
		return false;
	}
	attempt->number = ++import->attempt_count;
	if (attempt->mixed) {
		refuse(import, "mixes the lines of two phones. Save the log of each phone in a "
			       "separate file.");
		return true;
	}
	if (!import->collected && !add_device(import, attempt->c))
		return true;
	r = reported_apply(&import->options.reported, told, &attempt->c->identity);
	if (r != EXIT_DONE)
		return stop(import, r);
	if (uuid_is_none(&told->id) && make_id(import, attempt, &told->id) < 0)
		return stop(import, report_no_memory());
	if (import->collected)
		return add_to_case(import, attempt);
	r = import->options.dry_run ? import_finish(import, attempt, NULL, false)
				    : deliver(import, attempt);
	return r == EXIT_DONE || stop(import, r);
}
