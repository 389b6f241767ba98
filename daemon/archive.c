/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/archive.h"

#include <errno.h>
#include <string.h>

#include "common/casebook/schema.h"

#define ADVANCE_RECORDS 512 /* at a time, so that the loop goes on between */
#define PENDING_MAX 96	    /* sessions whose records are being gathered */

/* Records of a session that are not kept yet. */
struct pending {
	struct uuid session; /* none = not in use */
	bool unsealed;	     /* the casebook has no such attempt */
	uint64_t kept;	     /* sequence of the newest record that is kept */
	struct record_run run;
	uint8_t *bytes; /* of the run */
};

struct archive {
	char *path;
	struct casebook_file *file;
	struct history history;
	struct ring_cursor cursor;
	const struct ring_reader *reader;
	struct pending pending[PENDING_MAX];
	size_t oldest; /* the pending one that makes room next */
};

struct archive *archive_new(
	const char *path, const struct bench *bench, const struct ring_reader *reader)
{
	CLEANUP(archive_freep) struct archive *archive = calloc(1, sizeof(*archive));

	if (!archive)
		return NULL;
	archive->path = strdup(path);
	archive->history.bench = bench;
	archive->reader = reader;
	archive->history.reader = reader;
	return archive->path ? TAKE_PTR(archive) : NULL;
}

static void drop(struct pending *pending)
{
	free(pending->bytes);
	*pending = (struct pending){0};
}

static void close_casebook(struct archive *archive)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		drop(&archive->pending[i]);
	archive->history.book = casebook_free(archive->history.book);
	archive->file = casebook_file_free(archive->file);
}

struct archive *archive_free(struct archive *archive)
{
	if (!archive)
		return NULL;
	close_casebook(archive);
	free(archive->path);
	free(archive);
	return NULL;
}

int archive_open(struct archive *archive, struct casebook_report *ret_report)
{
	int r;

	*ret_report = (struct casebook_report){0};
	if (archive->file)
		return 0;
	r = casebook_file_open(archive->path, ret_report, &archive->file);
	if (r == 0)
		r = casebook_open(archive->path, &archive->history.book);
	if (r < 0) {
		close_casebook(archive);
		return r;
	}
	archive->history.error = 0;
	ring_cursor_first(&archive->cursor, archive->reader);
	return 0;
}

struct history *archive_history(struct archive *archive)
{
	return &archive->history;
}

struct casebook_file *archive_file(struct archive *archive)
{
	return archive->file;
}

/* Whether the casebook lacks something of the session. */
static bool is_due(const struct pending *pending)
{
	return pending->run.length > 0 || pending->unsealed;
}

/* Keeps the run that was gathered. */
static int keep_run(struct archive *archive, struct stamp now, struct pending *pending)
{
	int r = casebook_file_keep(archive->file, now, &pending->session, &pending->run);

	if (r < 0)
		return r;
	pending->kept = pending->run.last;
	pending->run.length = 0;
	return 0;
}

/* A place for one more session: where none is free, the next in turn is kept and makes room. */
static int make_room(struct archive *archive, struct stamp now, struct pending **ret)
{
	struct pending *pending;
	int r = 0;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (uuid_is_none(&archive->pending[i].session)) {
			*ret = &archive->pending[i];
			return 0;
		}
	}
	pending = &archive->pending[archive->oldest++ % PENDING_MAX];
	if (pending->run.length > 0)
		r = keep_run(archive, now, pending);
	if (r < 0)
		return r;
	drop(pending);
	*ret = pending;
	return 0;
}

static int find_pending(
	struct archive *archive, struct stamp now, const struct uuid *session, struct pending **ret)
{
	struct casebook_kept kept;
	struct pending *pending = NULL;
	int r;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (uuid_equal(&archive->pending[i].session, session)) {
			*ret = &archive->pending[i];
			return 0;
		}
	}
	r = casebook_file_kept(archive->file, session, &kept);
	if (r == 0)
		r = make_room(archive, now, &pending);
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

/* Seals a session that has ended; one that the bench has forgotten stays unsealed. Returns 1, 0
 * where the session runs, or a negative errno. */
static int seal(struct archive *archive, struct stamp now, struct pending *pending)
{
	const struct session *session =
		bench_find_session(archive->history.bench, &pending->session);
	CLEANUP(freep) struct verdict *verdict = NULL;
	struct casebook_seal sealed = {.origin = "watched", .run = pending->run};
	int r = 0;

	if (session && session->running)
		return 0;
	if (session) {
		sealed.verdict = verdict = calloc(1, sizeof(*verdict));
		sealed.attempt = &session->attempt;
		sealed.identity = &session->identity;
		r = verdict ? history_diagnose_session(
				      &archive->history, &pending->session, verdict)
			    : -ENOMEM;
		if (r == 0)
			r = casebook_file_seal(archive->file, now, &sealed);
	}
	if (r < 0)
		return r;
	drop(pending);
	return 1;
}

/* Gathers a record. Returns 1 where it ended a session, which was sealed, 0, or a negative errno.
 */
static int take_record(struct archive *archive, struct stamp now, const struct ring_record *record)
{
	struct pending *pending;
	struct event event;
	int r;

	if (uuid_is_none(&record->session) ||
		event_decode(record->payload, record->length, &event) < 0)
		return 0;
	r = find_pending(archive, now, &record->session, &pending);
	if (r < 0)
		return r;
	event.sequence = record->sequence;
	if (event.sequence > pending->kept &&
		(pending->run.length == 0 || event.sequence > pending->run.last)) {
		if (pending->run.length == 0)
			pending->run.first = event.sequence;
		pending->run.last = event.sequence;
		pending->run.length =
			record_run_append(pending->bytes, pending->run.length, &event);
	}
	if (pending->run.length >= RECORD_RUN_BYTES)
		r = keep_run(archive, now, pending);
	if (r == 0 && event.kind == EVENT_SESSION_END && is_due(pending))
		r = seal(archive, now, pending);
	return r;
}

/* At the end of the ring: seals one session for which something came late. Returns 1 where there
 * was one. */
static int seal_late(struct archive *archive, struct stamp now)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *pending = &archive->pending[i];
		int r;

		if (uuid_is_none(&pending->session))
			continue;
		if (!is_due(pending)) {
			drop(pending);
			continue;
		}
		r = seal(archive, now, pending);
		if (r != 0)
			return r;
	}
	casebook_file_sync(archive->file);
	return 0;
}

void archive_rewind(struct archive *archive)
{
	if (archive->file)
		ring_cursor_first(&archive->cursor, archive->reader);
}

int archive_advance(struct archive *archive, struct stamp now)
{
	struct ring_record record;
	int r = 1, sealed = 0;

	if (!archive->file)
		return 0;
	if (casebook_file_moved(archive->file)) {
		close_casebook(archive);
		return -ENOENT;
	}
	/* A seal takes as long as many records: after one, the loop has its turn. */
	for (size_t i = 0; r > 0 && sealed == 0 && i < ADVANCE_RECORDS; i++) {
		r = ring_cursor_next(&archive->cursor, &record);
		if (r > 0)
			sealed = take_record(archive, now, &record);
	}
	if (sealed < 0)
		r = sealed;
	if (r == 0)
		r = seal_late(archive, now);
	if (r < 0)
		close_casebook(archive);
	return r;
}
