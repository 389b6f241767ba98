/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/exchange.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/conditions.h"
#include "common/store/file_private.h"
#include "common/store/sql.h"

#define CORRECTIONS_MAX 1000 /* of one attempt */

/* The fuller one holds; of equal ones without a start, the one that was stored first. */
static int is_fuller(const struct written *stored, const struct written *given)
{
	if (given->revision != stored->revision)
		return given->revision > stored->revision;
	return given->started_us && given->started_us < stored->started_us;
}

/* Which of two accounts of an attempt holds: 1 the new one, 0 the stored one. A log that two
 * benches imported has two writers: the lower one's holds on every bench. A case file of a computer
 * that exchanges nothing has none. */
static int is_newer(const struct written *stored, const struct written *given)
{
	int order;

	if (stored->watched)
		return 0;
	if (!stored->writer[0] && !given->writer[0])
		return is_fuller(stored, given);
	if (!stored->writer[0] || !given->writer[0])
		return !stored->writer[0];
	order = strcmp(given->writer, stored->writer);
	if (order != 0)
		return order < 0;
	return stored->foreign && given->revision > stored->revision;
}

/* Returns 1 with *ret set, 0 if there is no such attempt, or a negative errno. */
static int find_attempt(struct casebook_file *file, const struct uuid *attempt, struct written *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	char origin[NAME_SIZE];
	int r = sql_prepare(file->db,
		"SELECT writer, revision, origin, started_us FROM attempts WHERE id = ?1", &row);

	if (r < 0)
		return r;
	sql_bind_uuid(row, 1, attempt);
	r = sqlite3_step(row);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	sql_text(row, 0, ret->writer, sizeof(ret->writer));
	ret->revision = (uint64_t)sqlite3_column_int64(row, 1);
	sql_text(row, 2, origin, sizeof(origin));
	ret->started_us = (uint64_t)sqlite3_column_int64(row, 3);
	ret->foreign = text_equal(origin, ORIGIN_IMPORTED);
	ret->watched = text_equal(origin, ORIGIN_WATCHED);
	return 1;
}

static int is_purged(struct casebook_file *file, const struct uuid *id,
	const struct identity *identity, uint64_t at_us)
{
	int r = exchange_is_purged_id(file, id);

	return r != 0 ? r : exchange_is_purged_phone(file, identity, at_us);
}

/* Corrections may have arrived before their attempt. */
static int drop_corrections(struct casebook_file *file, const struct uuid *attempt)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db, "DELETE FROM corrections WHERE attempt = ?1", &statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, attempt);
	return sql_finish(statement);
}

static int take_attempt(struct casebook_file *file, struct stamp now, const struct triage_case *c,
	const struct written *written)
{
	/* What this bench itself once wrote, and has lost, is its own again. */
	bool foreign = written->writer[0] && !text_equal(written->writer, file->host_id);
	const struct casebook_seal seal = {.attempt = c->attempts[0],
		.identity = &c->identity,
		.origin = foreign ? ORIGIN_IMPORTED : ORIGIN_TOLD,
		.written = written};
	struct written stored = {.revision = 0};
	uint64_t started_us;
	int found = find_attempt(file, &c->attempts[0]->id, &stored), r;

	if (found < 0)
		return found;
	if (found > 0 && !is_newer(&stored, written))
		return EXCHANGE_PRESENT;
	started_us = c->attempts[0]->started.wall_us;
	r = is_purged(file, &c->attempts[0]->id, &c->identity,
		started_us ? started_us : written->started_us);
	if (r > 0)
		r = drop_corrections(file, &c->attempts[0]->id);
	else if (r == 0)
		r = 1;
	if (r <= 0)
		return r < 0 ? r : EXCHANGE_PURGED;
	r = casebook_file_put(file, now, &seal);
	return r < 0 ? r : found > 0 ? EXCHANGE_REPLACED : EXCHANGE_ADDED;
}

int exchange_attempt(struct casebook_file *file, struct stamp now, const struct triage_case *c,
	const struct written *written)
{
	int r = casebook_file_enter(file);

	return r < 0 ? r : casebook_file_leave(file, take_attempt(file, now, c, written));
}

int exchange_note(
	struct casebook_file *file, const struct identity *identity, const struct note *note)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO notes (ecid, udid, id, at_us, kind, text, amends, by)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
		&statement);

	if (r == 0)
		r = is_purged(file, &note->id, identity, note->at_us);
	if (r != 0)
		return r < 0 ? r : EXCHANGE_PURGED;
	casebook_file_bind_note(statement, identity, note);
	r = sql_finish(statement);
	if (r < 0)
		return r;
	return sqlite3_changes(file->db) > 0 ? EXCHANGE_ADDED : EXCHANGE_PRESENT;
}

/* Returns 0, -E2BIG, or another negative errno. */
static int check_room(struct casebook_file *file, const struct uuid *attempt)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(
		file->db, "SELECT count(*) FROM corrections WHERE attempt = ?1", &query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, attempt);
	r = sqlite3_step(query);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	return sqlite3_column_int(query, 0) < CORRECTIONS_MAX ? 0 : -E2BIG;
}

static int take_correction(struct casebook_file *file, struct stamp now,
	const struct correction *correction, const struct casebook_seal *stored)
{
	int r = exchange_is_purged_id(file, &correction->attempt);

	if (r > 0)
		return EXCHANGE_PURGED;
	if (r == 0)
		r = check_room(file, &correction->attempt);
	if (r == 0)
		r = casebook_file_put_correction(file, correction);
	if (r <= 0)
		return r < 0 ? r : EXCHANGE_PRESENT;
	r = stored ? casebook_file_put(file, now, stored) : 0;
	return r < 0 ? r : EXCHANGE_ADDED;
}

int exchange_correction(struct casebook_file *file, struct stamp now,
	const struct correction *correction, const struct casebook_seal *stored)
{
	int r = casebook_file_enter(file);

	return r < 0 ? r
		     : casebook_file_leave(file, take_correction(file, now, correction, stored));
}

int exchange_condition(struct casebook_file *file, const struct set_condition *condition)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct place place = {0};
	int r = exchange_is_purged_id(file, &condition->id);

	if (r == 0 && !condition->host_id[0] && place_parse(condition->place, &place) &&
		identity_is_known(&place.identity))
		r = exchange_is_purged_phone(file, &place.identity, condition->at_us);
	if (r != 0)
		return r < 0 ? r : EXCHANGE_PURGED;
	r = sql_prepare(file->db,
		"INSERT INTO conditions (id, at_us, writer, host_id, place, key, value)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (host_id, place, key)"
		" DO UPDATE SET id = ?1, at_us = ?2, writer = ?3, value = ?7"
		" WHERE (?2, ifnull(?3, '')) > (at_us, ifnull(writer, ''))",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, &condition->id);
	sqlite3_bind_int64(statement, 2, (int64_t)condition->at_us);
	sql_bind_text(statement, 3, condition->writer);
	sqlite3_bind_text(statement, 4, condition->host_id, -1, SQLITE_STATIC);
	sql_bind_text(statement, 5, condition->place);
	sql_bind_text(statement, 6, condition->key);
	sqlite3_bind_text(statement, 7, condition->value, -1, SQLITE_STATIC);
	r = sql_finish(statement);
	if (r < 0)
		return r;
	return sqlite3_changes(file->db) > 0 ? EXCHANGE_ADDED : EXCHANGE_PRESENT;
}
