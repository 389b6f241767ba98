/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/ring/ring.h"
#include "common/store/exchange.h"
#include "common/store/ring_file.h"
#include "daemon/server/methods.h"

#define CLOCK_AHEAD_US (24 * 3600 * USEC_PER_SEC) /* of another bench, at most */

static bool runs(const struct bench *bench, const struct identity *identity)
{
	for (size_t i = 0; i < bench_session_count(bench); i++)
		if (session_is_open(bench_session(bench, i)) &&
			identity_matches(&bench_session(bench, i)->identity, identity))
			return true;
	return false;
}

/* The scope of a purge: sessions of the casebook, and other sessions by phone and time. */
struct purge_scope {
	struct casebook_purge wanted;
	struct casebook_purged purged;
	struct uuid *lost; /* sessions of the phone that only the ring has */
	size_t lost_count;
};

static bool is_lost(const struct purge_scope *scope, const struct uuid *session)
{
	for (size_t i = scope->lost_count; i > 0; i--)
		if (uuid_equal(&scope->lost[i - 1], session))
			return true;
	return false;
}

/* Whether the record is about the phone. One that is of no session may name it in its text alone,
 * such as a line of the kernel or of usbmuxd. */
static bool is_about(const struct identity *phone, const struct ring_record *record)
{
	struct identity identity = {0};
	char text[EVENT_TEXT_MAX + 1];
	struct event event;

	if (store_read_record(record, &event) < 0)
		return false;
	identity.ecid = event.ecid ? event.ecid : udid_ecid(event.udid);
	text_copy(identity.udid, sizeof(identity.udid), event.udid);
	if (identity_matches(&identity, phone))
		return true;
	text_clean(event.text, event.text_length, text, sizeof(text));
	return uuid_is_none(&record->session) &&
	       (identity_is_named(phone, text) || identity_is_named(phone, event.name));
}

static bool is_item(const struct purge *purge, const struct uuid *session)
{
	for (size_t i = 0; purge && i < purge->item_count; i++)
		if (uuid_equal(&purge->items[i], session))
			return true;
	return false;
}

/* Whether a record of the ring is in the scope. */
static bool is_purged(const struct bench *bench, const struct purge_scope *scope,
	const struct ring_record *record)
{
	const struct casebook_purge *purge = &scope->wanted;
	const struct session *session = bench_find_session(bench, &record->session);

	if (casebook_purged_has(&scope->purged, &record->session))
		return true;
	if (session && session_is_open(session))
		return false;
	if (is_item(purge->of, &record->session))
		return true;
	if (!purge->identity && purge->of)
		return false;
	if (purge->before_us && record->at.wall_us >= purge->before_us)
		return false;
	if (!purge->identity)
		return true;
	if (session)
		return identity_matches(&session->identity, purge->identity);
	return is_lost(scope, &record->session) || is_about(purge->identity, record);
}

/* Finds the sessions of the phone that neither the bench nor the casebook has: their first records
 * do not name it. */
static int find_lost(const struct bench *bench, struct ring_cursor *cursor,
	const struct ring_reader *reader, struct purge_scope *scope)
{
	struct ring_record record;
	int r;

	ring_cursor_first(cursor, reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		struct uuid *lost;

		if (uuid_is_none(&record.session) || is_lost(scope, &record.session) ||
			bench_find_session(bench, &record.session) ||
			!is_purged(bench, scope, &record))
			continue;
		lost = reallocarray(scope->lost, scope->lost_count + 1, sizeof(*lost));
		if (!lost)
			return -ENOMEM;
		scope->lost = lost;
		scope->lost[scope->lost_count++] = record.session;
	}
	return r;
}

static int purge_ring(const struct api_parts *parts, struct purge_scope *scope)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	const struct ring_reader *reader = parts->store->reader;
	const struct bench *bench = parts->store->bench;
	struct ring *ring = ring_file_ring(parts->ring);
	struct ring_record record;
	int r;

	if (!cursor)
		return -ENOMEM;
	r = scope->wanted.identity ? find_lost(bench, cursor, reader, scope) : 0;
	if (r < 0)
		return r;
	ring_cursor_first(cursor, reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0)
		if (is_purged(bench, scope, &record))
			ring_erase(ring, cursor, &record);
	ring_wipe(ring);
	return r < 0 ? r : ring_file_sync_now(parts->ring);
}

/* Deletes damaged files that were renamed: their records of one phone cannot be found. */
static void remove_damaged_files(const char *state_dir)
{
	static const char *const names[] = {
		"ring.bad", "casebook.db.bad", "casebook.db.bad-wal", "casebook.db.bad-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", state_dir, names[i]);
		if (unlink(path) == 0 && file_sync_name(path) == 0)
			log_info("Removed %s: a purge cannot read it.", path);
		else if (errno != ENOENT)
			log_warning("Cannot remove %s: %s. It may contain purged data: remove it.",
				path, strerror(errno));
	}
}

/* The casebook deletes what another bench purged by its identifier; conditions are in memory too.
 */
static void drop_conditions(const struct api_parts *parts, const struct purge *of)
{
	for (size_t i = 0; of && i < of->item_count; i++) {
		struct set_condition condition;
		struct place place;

		if (casebook_condition(parts->store->book, &of->items[i], &condition) > 0 &&
			!condition.host_id[0] && place_parse(condition.place, &place))
			conditions_take(parts->conditions, &place, condition.key, CONDITION_UNKNOWN,
				condition.at_us);
	}
}

static int purge_casebook(const struct api_parts *parts, struct purge_scope *scope)
{
	const struct casebook_purge *purge = &scope->wanted;

	/* First seal all ended sessions, so that nothing is written after the purge. */
	int r = sealer_finish(parts->sealer);

	/* Those that cannot be sealed on a full disk are erased in the ring. */
	if (r == -ENOSPC)
		r = sealer_use_reserve(parts->sealer);
	if (r == 0)
		r = sealer_store_conditions(parts->sealer);
	if (r == 0)
		drop_conditions(parts, purge->of);
	if (r == 0)
		r = casebook_file_purge(sealer_casebook(parts->sealer), purge, &scope->purged);
	if (r >= 0 && purge->identity && purge->whole) {
		conditions_drop(parts->conditions, purge->identity);
		conditions_load(parts->conditions, parts->store->book);
	}
	if (r == CASEBOOK_PURGED_LATER)
		log_warning("Another program reads the casebook. Purged data stays in its "
			    "write-ahead log until that program ends.");
	return r;
}

static void purge_scope_done(struct purge_scope *scope)
{
	casebook_purged_done(&scope->purged);
	free(scope->lost);
}

static void log_purge(size_t attempts, bool of_device)
{
	log_info("Purged %zu %s of %s.", attempts, attempts == 1 ? "attempt" : "attempts",
		of_device ? "a device" : "all devices before a date");
}

static void put_purged(struct call *call, const struct casebook_purged *purged, bool pending)
{
	struct json_builder *builder = &call->builder;
	struct json_object *logs = json_new_array(builder);

	for (size_t i = 0; i < purged->count; i++) {
		const struct purged_attempt *attempt = &purged->attempts[i];
		struct json_object *log;

		if (!attempt->log)
			continue;
		log = json_new_object(builder);
		json_put_text(builder, log, "path", attempt->log);
		json_put_number(builder, log, "user", attempt->user);
		json_add(builder, logs, log);
	}
	json_put_number(builder, call->answer, "attempts", (int64_t)purged->count);
	json_put(builder, call->answer, "toolLogs", logs);
	json_put_bool(builder, call->answer, "pending", pending);
}

static bool is_gone(void *user, const struct uuid *session)
{
	const struct purge_scope *scope = user;

	return casebook_purged_has(&scope->purged, session) || is_item(scope->wanted.of, session);
}

static bool see_attempt(void *context, const struct kept_attempt *kept)
{
	bool *seen = context;

	*seen = true;
	return false;
}

/* Whether the phone has an attempt that is not purged. */
static bool is_left(const struct api_parts *parts, const struct casebook_purge *wanted)
{
	const struct bench *bench = parts->store->bench;
	const struct filter filter = {.identity = wanted->identity};
	bool left = false;

	casebook_attempts(parts->store->book, &filter, 1, NULL, see_attempt, &left);
	for (size_t i = 0; i < bench_session_count(bench); i++) {
		const struct session *session = bench_session(bench, i);

		left = left || (identity_matches(&session->identity, wanted->identity) &&
				       session->attempt.started.wall_us >= wanted->before_us);
	}
	return left;
}

/* Deletes what is in the scope everywhere. Returns API_OK, another enum api_error or a negative
 * errno; *ret_pending as casebook_file_purge() says. */
static int purge(struct request *request, struct purge_scope *scope, bool *ret_pending)
{
	const struct api_parts *parts = &request->api->parts;
	struct casebook_purge *wanted = &scope->wanted;
	int r;

	if (wanted->identity && runs(parts->store->bench, wanted->identity))
		return API_DEVICE_BUSY;
	r = purge_casebook(parts, scope);
	if (r < 0)
		return call_no_casebook(&request->call, r);
	*ret_pending = r == CASEBOOK_PURGED_LATER;
	/* The verdicts on what another bench purged were made here, and later. */
	if (wanted->whole && wanted->identity && !is_left(parts, wanted))
		wanted->before_us = 0;
	r = purge_ring(parts, scope);
	if (r < 0)
		return r;
	remove_damaged_files(parts->state_dir);
	if (wanted->identity || !wanted->of)
		recorder_forget(parts->recorder, wanted->identity, wanted->before_us);
	recorder_forget_sessions(parts->recorder, is_gone, scope);
	if (wanted->identity)
		diagnoser_forget(parts->diagnoser, wanted->identity);
	return API_OK;
}

int methods_purge(struct request *request)
{
	struct call *call = &request->call;
	const char *device = call_text(call, "device");
	CLEANUP(purge_scope_done) struct purge_scope scope = {0};
	struct casebook_purge *wanted = &scope.wanted;
	struct identity identity;
	int64_t before = 0;
	bool pending;
	int r;

	if (call_number(call, "beforeUSec", &before))
		wanted->before_us = (uint64_t)before;
	if (!device && !wanted->before_us)
		return call_bad(call, "device");
	if (device && !store_find_identity(request->api->parts.store, device, &identity))
		return API_NO_SUCH_DEVICE;
	wanted->identity = device ? &identity : NULL;
	wanted->whole = !wanted->before_us;
	r = purge(request, &scope, &pending);
	if (r != API_OK)
		return r;
	log_purge(scope.purged.count, device != NULL);
	put_purged(call, &scope.purged, pending);
	return API_OK;
}

/* Adds the keys of the purged phone that only the ring has. */
static int find_in_ring(const struct store *store, const struct purge *purge, struct identity *ret)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct identity last = {0};
	struct ring_record record;
	struct event event;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, store->reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		struct identity identity = {0};

		if (store_read_record(&record, &event) < 0)
			continue;
		identity.ecid = event.ecid;
		text_copy(identity.udid, sizeof(identity.udid), event.udid);
		if (identity.ecid == last.ecid && text_equal(identity.udid, last.udid))
			continue;
		last = identity;
		if (purge_is_of(purge, &identity))
			identity_merge(ret, &identity);
	}
	return r;
}

/* All keys by which the phone is known here. Returns 0 or a negative errno. */
static int find_purged(
	const struct api_parts *parts, const struct purge *purge, struct identity *ret)
{
	const struct bench *bench = parts->store->bench;
	int r = exchange_find_phone(sealer_casebook(parts->sealer), purge, ret);

	for (size_t i = 0; i < bench_session_count(bench); i++)
		if (purge_is_of(purge, &bench_session(bench, i)->identity))
			identity_merge(ret, &bench_session(bench, i)->identity);
	return r < 0 ? r : find_in_ring(parts->store, purge, ret);
}

int methods_take_purge(struct request *request, const struct purge *purged)
{
	const struct api_parts *parts = &request->api->parts;
	CLEANUP(purge_scope_done) struct purge_scope scope = {0};
	struct identity identity = {0};
	bool pending;
	int r;

	if (!(peer_access(request->peer) & ACCESS_EXCHANGE))
		return API_NOT_ALLOWED;
	if (purged->at_us > clock_now().wall_us + CLOCK_AHEAD_US)
		return call_bad(&request->call, "change");
	r = purged->before_us ? find_purged(parts, purged, &identity) : 0;
	if (r < 0)
		return call_no_casebook(&request->call, r);
	scope.wanted =
		(struct casebook_purge){.identity = identity_is_known(&identity) ? &identity : NULL,
			.before_us = purged->before_us,
			.whole = purged->before_us == purged->at_us,
			.of = purged};
	r = purge(request, &scope, &pending);
	if (r != API_OK)
		return r;
	/* Last: if this ends before, the purge is taken again. */
	r = exchange_purge(sealer_casebook(parts->sealer), purged);
	if (r < 0)
		return call_no_casebook(&request->call, r);
	if (scope.purged.count > 0)
		log_info("Purged %zu %s that another bench purged.", scope.purged.count,
			scope.purged.count == 1 ? "attempt" : "attempts");
	put_purged(&request->call, &scope.purged, pending);
	return API_OK;
}
