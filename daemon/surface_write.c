/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the API asks of what is kept: cases, attempts that are added and exported, purges. */
#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/casebook/schema.h"
#include "common/casefile/casefile.h"
#include "common/ring/ring.h"
#include "daemon/surface.h"

static int get_case(void *user, const char *device, api_visit_device *visit_device,
	api_visit_record *visit_note, api_visit_session *visit_session, void *context)
{
	struct surface *surface = user;
	struct history *history = surface->history;
	struct identity identity;

	if (!history_find_identity(history, device, &identity))
		return -ENODEV;
	surface_show_device(surface, &identity, visit_device, context);
	if (history->book)
		history->error = casebook_notes(history->book, &identity, visit_note, context);
	surface_show_sessions(surface, &identity, visit_session, context);
	return 0;
}

static int note_history(struct casebook_file *file, const struct triage_case *c, struct stamp now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->history_count; i++)
		r = casebook_file_note(file, now, &c->identity, "history", c->history[i]);
	return r;
}

static int add_case(struct surface *surface, const struct triage_case *c)
{
	struct casebook_file *file = sealer_casebook(surface->sealer);
	const struct attempt *attempt = c->attempts[0];
	const struct casebook_seal seal = {
		.attempt = attempt, .identity = &c->identity, .origin = "told"};
	int r;

	/* What the bench has, it has seen itself. */
	if (bench_find_session(recorder_bench(surface->recorder), &attempt->id))
		return 0;
	r = casebook_file_add(file, clock_now(), &seal);
	if (r >= 0) {
		int noted = note_history(file, c, clock_now());

		r = noted < 0 ? noted : r;
	}
	if (r > 0)
		diagnoser_judge_phone(surface->diagnoser, &c->identity);
	casebook_file_sync(file);
	return r;
}

static int add_attempt(void *user, const char *text, size_t length, struct uuid *ret_session)
{
	struct surface *surface = user;
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE];
	int r;

	if (!sealer_casebook(surface->sealer))
		return -ENOLINK;
	r = casefile_parse(text, length, &c, message);
	if (r < 0)
		return r;
	if (c->attempt_count != 1 || uuid_is_none(&c->attempts[0]->id) ||
		(!c->identity.ecid && !c->identity.udid[0]))
		return -EBADMSG;
	*ret_session = c->attempts[0]->id;
	r = add_case(surface, c);
	return r == -EBADMSG ? -EIO : r;
}

static bool is_told(void *context, const struct kept_attempt *kept)
{
	*(bool *)context = text_equal(kept->origin, "told");
	return false;
}

/* Gathers records into runs, and keeps those. */
static int keep_records(struct casebook_file *file, const struct uuid *session, uint64_t last,
	api_next_record *next, void *context)
{
	CLEANUP(freep) uint8_t *bytes = malloc(RECORD_RUN_BYTES_MAX);
	struct record_run run = {.bytes = bytes};
	struct event event;
	int r;

	if (!bytes)
		return -ENOMEM;
	while ((r = next(context, &event)) > 0) {
		if (event.sequence <= last)
			continue;
		if (run.length == 0)
			run.first = event.sequence;
		run.last = last = event.sequence;
		run.length = record_run_append(bytes, run.length, &event);
		if (run.length < RECORD_RUN_BYTES)
			continue;
		r = casebook_file_keep(file, clock_now(), session, &run);
		run.length = 0;
		if (r < 0)
			return r;
	}
	if (r == 0 && run.length > 0)
		r = casebook_file_keep(file, clock_now(), session, &run);
	return r;
}

static int add_records(void *user, const struct uuid *session, api_next_record *next, void *context)
{
	struct surface *surface = user;
	struct casebook_file *file = sealer_casebook(surface->sealer);
	struct casebook_kept kept;
	bool told = false;
	int r;

	if (!file)
		return -ENOLINK;
	r = casebook_attempt(surface->history->book, session, is_told, &told);
	if (r < 0)
		return r;
	if (!told)
		return -EPERM;
	r = casebook_file_kept(file, session, &kept);
	return r < 0 ? r : keep_records(file, session, kept.last_sequence, next, context);
}

/* Takes a copy of the one attempt. */
static bool copy_attempt(void *context, const struct past_attempt *past)
{
	struct triage_case *c = context;
	struct attempt *attempt = triage_case_add(c);

	if (!attempt)
		return false;
	*attempt = *past->attempt;
	c->identity = *past->identity;
	return false;
}

static int export_attempt(void *user, const struct uuid *session, char **ret)
{
	struct surface *surface = user;
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();

	if (!c)
		return -ENOMEM;
	if (!history_attempt(surface->history, session, copy_attempt, c))
		return -ENOENT;
	return c->attempt_count == 1 ? casefile_write(c, CASEFILE_REVEAL, ret) : -ENOMEM;
}

static bool runs(const struct bench *bench, const struct identity *identity)
{
	for (size_t i = 0; i < bench_session_count(bench); i++)
		if (session_is_open(bench_session(bench, i)) &&
			identity_matches(&bench_session(bench, i)->identity, identity))
			return true;
	return false;
}

/* Whether a record of the ring goes with a purge. */
static bool is_purged(const struct surface *surface, const struct casebook_purge *purge,
	const struct ring_record *record)
{
	const struct session *session =
		bench_find_session(recorder_bench(surface->recorder), &record->session);
	struct identity identity = {0};
	struct event event;

	if (session && session_is_open(session))
		return false;
	if (purge->before_us && record->at.wall_us >= purge->before_us)
		return false;
	if (!purge->identity)
		return true;
	if (session)
		return identity_matches(&session->identity, purge->identity);
	if (history_read_record(record, &event) < 0)
		return false;
	identity.ecid = event.ecid ? event.ecid : udid_ecid(event.udid);
	text_copy(identity.udid, sizeof(identity.udid), event.udid);
	return identity_matches(&identity, purge->identity);
}

static int purge_ring(struct surface *surface, const struct casebook_purge *purge)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, surface->reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0)
		if (is_purged(surface, purge, &record))
			ring_erase(surface->ring, cursor, &record);
	return r;
}

static int purge(void *user, const struct api_purge *query, uint64_t *ret_attempts)
{
	struct surface *surface = user;
	struct casebook_purge wanted = {.before_us = query->before_us};
	struct identity identity;
	int r;

	if (query->device && !history_find_identity(surface->history, query->device, &identity))
		return -ENODEV;
	if (query->device)
		wanted.identity = &identity;
	if (wanted.identity && runs(recorder_bench(surface->recorder), wanted.identity))
		return -EINPROGRESS;
	/* First all that has ended goes into the casebook, so that nothing of it comes later. */
	r = sealer_finish(surface->sealer);
	if (r < 0 || !sealer_casebook(surface->sealer))
		return -ENOLINK;
	if (wanted.identity && !wanted.before_us) {
		conditions_forget(surface->conditions, wanted.identity);
		r = conditions_keep(
			surface->conditions, sealer_casebook(surface->sealer), clock_now());
	}
	if (r == 0)
		r = casebook_file_purge(sealer_casebook(surface->sealer), &wanted, ret_attempts);
	if (r == 0)
		r = purge_ring(surface, &wanted);
	if (r == 0)
		recorder_forget(surface->recorder, wanted.identity, wanted.before_us);
	if (r == 0 && wanted.identity)
		diagnoser_forget(surface->diagnoser, wanted.identity);
	if (r == 0)
		log_info("Purged %llu %s of %s.", (unsigned long long)*ret_attempts,
			*ret_attempts == 1 ? "attempt" : "attempts",
			wanted.identity ? "a device" : "all devices before a date");
	return r;
}

void surface_add_writers(struct api_backend *backend)
{
	backend->get_case = get_case;
	backend->add_attempt = add_attempt;
	backend->add_records = add_records;
	backend->export_attempt = export_attempt;
	backend->purge = purge;
}
