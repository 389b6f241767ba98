/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sealer.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/store/schema.h"

#define ADVANCE_RECORDS 512 /* per turn, so that the loop is not blocked */
#define PENDING_MAX 96	    /* sessions whose records are collected */
#define BEHIND_PART 4	    /* the sealer reads within the newest quarter of the ring */
#define OLD_PART 2	    /* runs are written within its newest half */
#define DELAY_US (200 * USEC_PER_MSEC)
#define RETRY_US (5 * USEC_PER_SEC) /* after the casebook was unusable */

/* The records of a session that are not yet in the casebook. */
struct pending {
	struct uuid session; /* none = unused */
	bool unsealed;	     /* the casebook does not have the attempt */
	uint64_t kept;	     /* sequence of the newest stored record */
	struct record_run run;
	uint8_t *bytes;	    /* of the run */
	uint64_t begins_at; /* position in the ring after the run's first record */
};

struct sealer {
	struct sealer_options options;
	char *path;
	struct casebook_file *file;
	struct ring_cursor cursor;
	struct loop_timer *timer;
	bool timer_runs;
	int error;     /* why the casebook is unusable; 0 = it is usable */
	bool reported; /* `error` was reported */
	int missed;    /* an error of keep_up(), for the next turn; 0 = none */
	struct pending pending[PENDING_MAX];
	size_t oldest; /* the pending session to write next */
};

static void drop(struct pending *pending)
{
	free(pending->bytes);
	*pending = (struct pending){0};
}

static void close_casebook(struct sealer *sealer)
{
	struct store *store = sealer->options.store;

	for (size_t i = 0; i < PENDING_MAX; i++)
		drop(&sealer->pending[i]);
	store->book = casebook_free(store->book);
	sealer->file = casebook_file_free(sealer->file);
}

struct sealer *sealer_free(struct sealer *sealer)
{
	if (!sealer)
		return NULL;
	close_casebook(sealer);
	loop_timer_free(sealer->timer);
	free(sealer->path);
	free(sealer);
	return NULL;
}

struct casebook_file *sealer_casebook(struct sealer *sealer)
{
	return sealer->file;
}

/* Whether part of the session is missing in the casebook. */
static bool is_due(const struct pending *pending)
{
	return pending->run.length > 0 || pending->unsealed;
}

/* Writes the collected run. */
static int keep_run(struct sealer *sealer, struct stamp now, struct pending *pending)
{
	int r = casebook_file_keep(sealer->file, now, &pending->session, &pending->run);

	if (r < 0)
		return r;
	pending->kept = pending->run.last;
	pending->run.length = 0;
	return 0;
}

/* Seals an ended session; one that the bench has dropped stays unsealed. Returns 1, 0 if the
 * session is still running, or a negative errno. */
static int seal(struct sealer *sealer, struct stamp now, struct pending *pending)
{
	const struct session *session =
		bench_find_session(sealer->options.store->bench, &pending->session);
	struct casebook_seal sealed = {.origin = ORIGIN_WATCHED, .run = pending->run};
	int r = 0;

	if (session && session->running)
		return 0;
	if (session) {
		sealed.attempt = &session->attempt;
		sealed.identity = &session->identity;
		r = casebook_file_seal(sealer->file, now, &sealed);
	}
	if (r < 0)
		return r;
	drop(pending);
	return 1;
}

/* Finds a free entry for another session; if there is none, writes the next one in turn and reuses
 * its entry. */
static int make_room(struct sealer *sealer, struct stamp now, struct pending **ret)
{
	struct pending *pending;
	int r = 0;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (uuid_is_none(&sealer->pending[i].session)) {
			*ret = &sealer->pending[i];
			return 0;
		}
	}
	pending = &sealer->pending[sealer->oldest++ % PENDING_MAX];
	if (is_due(pending))
		r = seal(sealer, now, pending);
	if (r == 0 && pending->run.length > 0)
		r = keep_run(sealer, now, pending);
	if (r < 0)
		return r;
	drop(pending);
	*ret = pending;
	return 0;
}

static int find_pending(
	struct sealer *sealer, struct stamp now, const struct uuid *session, struct pending **ret)
{
	struct casebook_kept kept;
	struct pending *pending = NULL;
	int r;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (uuid_equal(&sealer->pending[i].session, session)) {
			*ret = &sealer->pending[i];
			return 0;
		}
	}
	r = casebook_file_kept(sealer->file, session, &kept);
	if (r == 0)
		r = make_room(sealer, now, &pending);
	if (r < 0)
		return r;
	pending->bytes = malloc(RECORD_RUN_BYTES_MAX);
	if (!pending->bytes)
		return -ENOMEM;
	pending->session = *session;
	pending->unsealed = !kept.sealed;
	pending->kept = kept.last_sequence;
	pending->run.bytes = pending->bytes;
	*ret = pending;
	return 0;
}

/* Collects a record. Returns 0 or a negative errno. */
static int gather(struct sealer *sealer, struct stamp now, const struct ring_record *record)
{
	struct pending *pending;
	struct event event;
	int r;

	if (uuid_is_none(&record->session) ||
		event_decode(record->payload, record->length, &event) < 0)
		return 0;
	r = find_pending(sealer, now, &record->session, &pending);
	if (r < 0)
		return r;
	event.sequence = record->sequence;
	if (event.sequence > pending->kept &&
		(pending->run.length == 0 || event.sequence > pending->run.last)) {
		if (pending->run.length == 0) {
			pending->run.first = event.sequence;
			pending->begins_at = sealer->cursor.at.position;
		}
		pending->run.last = event.sequence;
		pending->run.length =
			record_run_append(pending->bytes, pending->run.length, &event);
	}
	return pending->run.length >= RECORD_RUN_BYTES ? keep_run(sealer, now, pending) : 0;
}

/* At the end of the ring: seals one ended session. By then its records include the verdict, so one
 * seal is enough. Returns 1 if there was one. */
static int seal_next(struct sealer *sealer, struct stamp now)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *pending = &sealer->pending[i];
		int r;

		if (uuid_is_none(&pending->session))
			continue;
		if (!is_due(pending)) {
			drop(pending);
			continue;
		}
		r = seal(sealer, now, pending);
		if (r != 0)
			return r;
	}
	casebook_file_sync(sealer->file);
	return 0;
}

/* Collects the next record of the ring. Returns 1, 0 at the end, or a negative errno. */
static int gather_next(struct sealer *sealer, struct stamp now)
{
	struct ring_record record;
	int r = ring_cursor_next(&sealer->cursor, &record), gathered;

	if (r <= 0)
		return r;
	gathered = gather(sealer, now, &record);
	return gathered < 0 ? gathered : r;
}

/* Whether the ring has appended more than a part of its room since a position. */
static bool is_older(const struct sealer *sealer, uint64_t position, unsigned part)
{
	const struct ring_reader *reader = sealer->options.store->reader;
	uint64_t head = ring_reader_extent(reader).head;

	return head > position && head - position > reader->area.size / part;
}

/* Writes the runs whose records the ring will overwrite soon: until then, a crash loses nothing. */
static int keep_old_runs(struct sealer *sealer, struct stamp now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < PENDING_MAX; i++) {
		struct pending *pending = &sealer->pending[i];

		if (pending->run.length > 0 && is_older(sealer, pending->begins_at, OLD_PART))
			r = keep_run(sealer, now, pending);
	}
	return r;
}

/* Reads on in the ring, some records at a time. Returns 1 if there are more, 0 at the end, or a
 * negative errno: then the casebook is closed, and the next opening starts over. */
static int advance(struct sealer *sealer, struct stamp now)
{
	int r = sealer->missed < 0 ? sealer->missed : 1, kept;

	sealer->missed = 0;
	if (casebook_file_moved(sealer->file)) {
		close_casebook(sealer);
		return -ENOENT;
	}
	for (size_t i = 0; r > 0 && i < ADVANCE_RECORDS; i++)
		r = gather_next(sealer, now);
	if (r >= 0 && (kept = keep_old_runs(sealer, now)) < 0)
		r = kept;
	if (r == 0)
		r = seal_next(sealer, now);
	if (r < 0)
		close_casebook(sealer);
	return r;
}

static int open_casebook(struct sealer *sealer)
{
	struct store *store = sealer->options.store;
	struct casebook_report report;
	int r = casebook_file_open(sealer->path, &report, &sealer->file);

	if (r == 0)
		r = casebook_file_identify(sealer->file, store->host_id);
	if (r == 0)
		r = casebook_open(sealer->path, &store->book);
	if (r < 0) {
		close_casebook(sealer);
		return r;
	}
	if (report.set_aside)
		log_warning("%s was damaged. Renamed it to %s.bad and started a new one.",
			sealer->path, sealer->path);
	casebook_file_limit(sealer->file, sealer->options.casebook_bytes);
	store->error = 0;
	ring_cursor_first(&sealer->cursor, store->reader);
	return conditions_load(sealer->options.conditions, store->book);
}

static const char *describe(int error)
{
	return error == -EPROTONOSUPPORT ? "it is of a later version of this program"
					 : strerror(-error);
}

/* Reports each change of the casebook's state once. */
static void report(struct sealer *sealer, int error)
{
	struct event source = {
		.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = SOURCE_DAEMON,
		.name = "casebook",
		.code = error,
	};

	if (sealer->reported && error == sealer->error)
		return;
	if (error < 0) {
		event_set_text(&source, describe(error));
		log_error("Cannot use %s: %s. Sessions stay only in the ring until then.",
			sealer->path, source.text);
	} else if (sealer->reported) {
		log_info("%s can be used again.", sealer->path);
	}
	sealer->error = error;
	sealer->reported = true;
	sealer->options.sink(sealer->options.user, &source);
}

static int write_condition(
	void *user, const char *place, const char *key, const char *value, bool ended)
{
	struct sealer *sealer = user;

	return ended ? casebook_file_end_condition(sealer->file, clock_now(), place, key)
		     : casebook_file_condition(sealer->file, clock_now(), place, key, value);
}

static int work(struct sealer *sealer)
{
	int r = sealer->file ? 0 : open_casebook(sealer);

	if (r == 0)
		r = conditions_store(sealer->options.conditions, write_condition, sealer);
	if (r == 0)
		r = advance(sealer, clock_now());
	report(sealer, r < 0 ? r : 0);
	return r;
}

static void start_timer(struct sealer *sealer, uint64_t delay_us)
{
	if (sealer->timer_runs)
		return;
	sealer->timer_runs = true;
	loop_timer_start(sealer->timer, delay_us);
}

/* Gives back the memory that the work took. */
static void rest(struct sealer *sealer)
{
	casebook_file_drop_pages(sealer->file);
	casebook_drop_pages(sealer->options.store->book);
	malloc_trim(0);
}

static void on_timer(void *user)
{
	struct sealer *sealer = user;
	int r = 0;

	sealer->timer_runs = false;
	if (diagnoser_is_due(sealer->options.diagnoser)) {
		start_timer(sealer, DELAY_US);
		return;
	}
	r = work(sealer);
	if (r == 0)
		rest(sealer);
	else
		start_timer(sealer, r < 0 ? RETRY_US : 0);
}

int sealer_new(struct loop *loop, const struct sealer_options *options, struct sealer **ret)
{
	CLEANUP(sealer_freep) struct sealer *sealer = calloc(1, sizeof(*sealer));
	int r;

	if (!sealer)
		return -ENOMEM;
	sealer->options = *options;
	if (asprintf(&sealer->path, "%s/" CASEBOOK_NAME, options->state_dir) < 0)
		return sealer->path = NULL, -ENOMEM;
	r = loop_timer_new(loop, on_timer, sealer, &sealer->timer);
	if (r < 0)
		return r;
	sealer->error = open_casebook(sealer);
	*ret = TAKE_PTR(sealer);
	return 0;
}

void sealer_report(struct sealer *sealer)
{
	report(sealer, sealer->error);
}

/* A log may arrive faster than the timer reads: then each record waits here until older ones are in
 * the casebook. Nothing is closed here, for whoever records may be using the casebook. */
static void keep_up(struct sealer *sealer)
{
	int r = 1;

	if (!sealer->file || sealer->missed < 0)
		return;
	while (r > 0 && is_older(sealer, sealer->cursor.at.position, BEHIND_PART))
		r = gather_next(sealer, clock_now());
	if (r > 0)
		r = keep_old_runs(sealer, clock_now());
	sealer->missed = r < 0 ? r : 0;
}

void sealer_observe(void *user, const struct event *record)
{
	struct sealer *sealer = user;

	start_timer(sealer, DELAY_US);
	keep_up(sealer);
}

int sealer_store_conditions(struct sealer *sealer)
{
	int r = sealer->error;

	if (sealer->file)
		r = conditions_store(sealer->options.conditions, write_condition, sealer);
	if (r < 0)
		start_timer(sealer, RETRY_US);
	return r;
}

void sealer_set_casebook_bytes(struct sealer *sealer, uint64_t bytes)
{
	sealer->options.casebook_bytes = bytes;
	if (sealer->file)
		casebook_file_limit(sealer->file, bytes);
}

int sealer_error(const struct sealer *sealer)
{
	return sealer->error;
}

bool sealer_hangs(const struct sealer *sealer, struct stamp now)
{
	return sealer->file && casebook_file_hangs(sealer->file, now);
}

int sealer_finish(struct sealer *sealer)
{
	int r;

	diagnoser_finish(sealer->options.diagnoser);
	do
		r = work(sealer);
	while (r > 0);
	return r;
}

int sealer_use_reserve(struct sealer *sealer)
{
	int r = sealer->file ? 0 : open_casebook(sealer);

	if (r == 0)
		casebook_file_use_reserve(sealer->file);
	return r;
}

void sealer_rewind(struct sealer *sealer)
{
	if (sealer->file)
		ring_cursor_first(&sealer->cursor, sealer->options.store->reader);
}
