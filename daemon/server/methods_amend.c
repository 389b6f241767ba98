/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/detail.h"
#include "common/store/changes.h"
#include "common/store/schema.h"
#include "common/wire/records.h"
#include "daemon/server/methods.h"

#define CHANGES_MAX ATTEMPT_CONDITIONS_MAX /* in one call */

struct change {
	struct event event; /* its text is `text` */
	char text[DETAIL_SIZE];
};

/* An attempt with the corrections so far, and those that change something. */
struct amending {
	struct attempt attempt;
	struct identity identity;
	bool on_bench;
	bool running;
	bool foreign; /* another bench writes it */
	struct change changes[CHANGES_MAX];
	struct correction corrections[CHANGES_MAX]; /* the same */
	size_t count;
};

static bool copy_attempt(void *context, const struct found_attempt *found)
{
	struct amending *amending = context;

	amending->attempt = *found->attempt;
	amending->identity = *found->identity;
	amending->on_bench = found->session != NULL;
	amending->running = found->session && found->session->running;
	return false;
}

static int find_attempt(struct request *request, struct amending *amending)
{
	struct call *call = &request->call;
	struct written written;
	struct uuid session;
	int r = call_session(call, &session);

	if (r != API_OK)
		return r;
	if (!store_attempt(request->api->parts.store, &session, copy_attempt, amending))
		return API_NO_SUCH_SESSION;
	if (request->api->parts.store->book &&
		casebook_written(request->api->parts.store->book, &session, &written) > 0)
		amending->foreign = written.foreign;
	if (!amending->running)
		return API_OK;
	call->detail = call_text(call, "session");
	return API_DEVICE_BUSY;
}

static struct correction make_correction(const struct change *change)
{
	const struct amendment amendment = event_amendment(&change->event);
	struct correction correction = correction_of(&change->event.session, &amendment);

	text_copy(correction.after, sizeof(correction.after), change->text);
	return correction;
}

/* Reads a change and folds it. Returns false for one that cannot be made. */
static bool make_change(
	struct amending *amending, const struct event *like, struct json_object *object)
{
	struct change *change = &amending->changes[amending->count];
	char before[DETAIL_SIZE];
	const char *key, *text;

	if (json_object_object_length(object) != 2 || json_get_text(object, "key", &key) <= 0 ||
		json_get_text(object, "value", &text) <= 0 || !detail_is_key(key) ||
		strlen(text) >= sizeof(change->text))
		return false;
	text_clean(text, strlen(text), change->text, sizeof(change->text));
	detail_get(&amending->attempt, &amending->identity, key, before);
	if (detail_set(&amending->attempt, NULL, key, change->text, 0) < 0)
		return false;
	if (text_equal(before, change->text))
		return true;
	change->event = *like;
	/* Each at a time of its own: the later one holds. */
	change->event.at.wall_us += amending->count;
	text_copy(change->event.name, sizeof(change->event.name), key);
	text_clean(before, strlen(before), change->event.before, sizeof(change->event.before));
	event_set_text(&change->event, change->text);
	amending->corrections[amending->count] = make_correction(change);
	identity_fold(&amending->identity, &change->event);
	amending->count++;
	return true;
}

/* After each correction so far, even one of another bench whose clock is ahead. */
static void set_time(
	const struct request *request, const struct amending *amending, struct stamp *at)
{
	struct casebook *book = request->api->parts.store->book;
	uint64_t last_us;

	if (book && casebook_last_correction(book, &amending->attempt.id, &last_us) > 0 &&
		at->wall_us <= last_us)
		at->wall_us = last_us + 1;
}

static int make_changes(struct request *request, struct amending *amending)
{
	struct call *call = &request->call;
	struct event like = {.at = clock_now(),
		.kind = EVENT_AMENDMENT,
		.source = SOURCE_PERSON,
		.session = amending->attempt.id,
		.ecid = amending->identity.ecid};
	struct json_object *array = NULL;
	size_t count;

	text_copy(like.udid, sizeof(like.udid), amending->identity.udid);
	methods_who(request, like.by);
	set_time(request, amending, &like.at);
	json_get_array(call->parameters, "changes", &array);
	count = json_count(array);
	if (count == 0 || count > CHANGES_MAX)
		return call_bad(call, "changes");
	for (size_t i = 0; i < count; i++)
		if (!make_change(amending, &like, json_object_array_get_idx(array, i)))
			return call_bad(call, "changes");
	return API_OK;
}

/* Folds the changes into an attempt that the casebook alone has, and stores both. */
static int seal_changes(struct casebook_file *file, struct amending *amending)
{
	CLEANUP(freep) uint8_t *bytes = malloc(RECORD_RUN_BYTES_MAX);
	struct casebook_seal seal = {.attempt = &amending->attempt,
		.identity = &amending->identity,
		.origin = amending->foreign ? ORIGIN_IMPORTED : ORIGIN_TOLD,
		.run.bytes = bytes,
		.corrections = amending->corrections,
		.correction_count = amending->count};
	struct casebook_kept kept;
	int r = bytes ? casebook_file_kept(file, &amending->attempt.id, &kept) : -ENOMEM;

	if (r < 0)
		return r;
	seal.run.first = kept.last_sequence + 1;
	for (size_t i = 0; i < amending->count; i++) {
		struct event *event = &amending->changes[i].event;

		/* The records of another bench's attempt are those of that bench. */
		if (!amending->foreign) {
			event->sequence = seal.run.last = ++kept.last_sequence;
			seal.run.length = record_run_append(bytes, seal.run.length, event);
			amending->corrections[i].sequence = event->sequence;
		}
		attempt_fold(&amending->attempt, event);
	}
	return casebook_file_seal(file, clock_now(), &seal);
}

/* A session of the bench gets them like any other record; its seal follows. */
static int store_changes(struct request *request, struct amending *amending)
{
	const struct api_parts *parts = &request->api->parts;
	struct casebook_file *file = sealer_casebook(parts->sealer);
	int r;

	if (amending->on_bench) {
		/* The sealer stores them if this cannot. */
		if (file)
			casebook_file_correct(file, amending->corrections, amending->count);
		for (size_t i = 0; i < amending->count; i++)
			recorder_feed(parts->recorder, &amending->changes[i].event);
		return API_OK;
	}
	r = file ? seal_changes(file, amending) : sealer_error(parts->sealer);
	if (r < 0)
		return call_no_casebook(&request->call, r);
	diagnoser_judge_phone(parts->diagnoser, &amending->identity);
	return API_OK;
}

static void put_changes(struct call *call, const struct amending *amending)
{
	struct amendment amendments[CHANGES_MAX];

	for (size_t i = 0; i < amending->count; i++)
		amendments[i] = event_amendment(&amending->changes[i].event);
	json_put(&call->builder, call->answer, "changes",
		amendments_to_json(&call->builder, amendments, amending->count));
}

int methods_amend_attempt(struct request *request)
{
	CLEANUP(freep) struct amending *amending = calloc(1, sizeof(*amending));
	struct call *call = &request->call;
	struct attempt original;
	int r = amending ? find_attempt(request, amending) : -ENOMEM;

	if (r != API_OK)
		return r;
	original = amending->attempt;
	r = make_changes(request, amending);
	/* They are folded in order once more, with their records. */
	amending->attempt = original;
	if (r == API_OK && amending->count > 0)
		r = store_changes(request, amending);
	if (r != API_OK)
		return r;
	put_changes(call, amending);
	return query_put_session(&request->api->query, call, &original.id, "result");
}
