/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a casebook stores: records, attempts, notes and conditions, each in one call. */
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/ring/crc32c.h"
#include "common/store/file_private.h"
#include "common/store/schema.h"
#include "common/store/sql.h"

int casebook_file_kept(
	struct casebook_file *file, const struct uuid *session, struct casebook_kept *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(file->db,
		"SELECT EXISTS (SELECT 1 FROM attempts WHERE id = ?1),"
		" (SELECT last FROM records WHERE attempt = ?1 ORDER BY first DESC LIMIT 1)",
		&query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, session);
	r = sqlite3_step(query);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	ret->sealed = sqlite3_column_int(query, 0);
	ret->last_sequence = (uint64_t)sqlite3_column_int64(query, 1);
	return 0;
}

/* If a log never ends, keeps its first run, which shows its start, and its newest ones. */
static int drop_middle(struct casebook_file *file, const struct uuid *session)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	int r = casebook_file_prepare(file,
		"DELETE FROM records WHERE number = (SELECT number FROM records"
		" WHERE attempt = ?1 ORDER BY first LIMIT 1 OFFSET 1)"
		" AND (SELECT count(*) FROM records WHERE attempt = ?1) > ?2",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, session);
	sqlite3_bind_int(statement, 2, CASEBOOK_SESSION_BYTES / RECORD_RUN_BYTES);
	return sql_finish(statement);
}

static int insert_run(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	size_t size = record_run_bound(run->length);
	CLEANUP(freep) uint8_t *packed = malloc(size);
	int length, r;

	if (!packed)
		return -ENOMEM;
	length = record_run_pack(run->bytes, run->length, packed, size);
	if (length < 0)
		return length;
	r = casebook_file_prepare(file,
		"INSERT INTO records (attempt, first, last, kept_us, packed)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
		&statement);
	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, session);
	sqlite3_bind_int64(statement, 2, (int64_t)run->first);
	sqlite3_bind_int64(statement, 3, (int64_t)run->last);
	sqlite3_bind_int64(statement, 4, (int64_t)now.wall_us);
	sqlite3_bind_blob(statement, 5, packed, length, SQLITE_STATIC);
	r = sql_finish(statement);
	return r < 0 ? r : drop_middle(file, session);
}

int casebook_file_keep(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run)
{
	int r = casebook_file_enter(file);

	if (r < 0)
		return r;
	r = casebook_file_make_room(file);
	return casebook_file_leave(file, r < 0 ? r : insert_run(file, now, session, run));
}

#define ATTEMPT_INSERT                                                                             \
	"INSERT INTO attempts (ecid, udid, id, origin, product, started_us, ended_us, host, port," \
	" cable, outcome, told, tool, link_errors, link_bytes, link_ms, host_id, tool_log,"        \
	" tool_user, ticket, slot, writer, revision) VALUES (?1, ?2, ?3, ?4, ?5,"                  \
	" ifnull(?24, ?6), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, "    \
	"?21, ?22, ?23)"

/* A case file, from which a seal may be made, has no path of a log: the stored one stays. */
#define ATTEMPT_REPLACE                                                                            \
	ATTEMPT_INSERT                                                                             \
	" ON CONFLICT (id) DO UPDATE SET ecid = ?1, udid = ?2, product = ?5,"                      \
	" started_us = ifnull(?24, started_us), ended_us = ?7, host = ?8, port = ?9,"              \
	" cable = ?10, outcome = ?11, told = ?12,"                                                 \
	" tool = ?13, link_errors = ?14, link_bytes = ?15, link_ms = ?16, host_id = ?17,"          \
	" ticket = ?20, slot = ?21,"                                                               \
	" tool_log = ifnull(?18, tool_log), tool_user = ifnull(?19, tool_user)"

/* This bench writes it, unless it comes from a case file of another computer. */
static const char *writer_of(const struct casebook_file *file, const struct casebook_seal *seal)
{
	const char *host_id = seal->attempt->host_id;

	if (seal->written)
		return seal->written->writer;
	return text_equal(seal->origin, ORIGIN_TOLD) && host_id[0] &&
			       !text_equal(host_id, file->host_id)
		       ? NULL
		       : file->host_id;
}

static void bind_attempt(sqlite3_stmt *statement, const struct triage_case *c,
	const struct casebook_seal *seal, struct stamp now)
{
	const struct attempt *attempt = c->attempts[0];
	uint64_t started = attempt->started.wall_us;

	if (!started && seal->written)
		started = seal->written->started_us;
	sql_bind_phone(statement, &c->identity);
	sql_bind_uuid(statement, 3, &attempt->id);
	sql_bind_text(statement, 4, seal->origin);
	sql_bind_text(statement, 5, c->identity.product);
	sqlite3_bind_int64(statement, 6, (int64_t)now.wall_us);
	if (started)
		sqlite3_bind_int64(statement, 24, (int64_t)started);
	sqlite3_bind_int64(statement, 7, (int64_t)attempt->ended.wall_us);
	sql_bind_text(statement, 8, attempt->host);
	sql_bind_text(statement, 9, attempt->port);
	sql_bind_text(statement, 10, attempt_condition(attempt, "cable"));
	sql_bind_text(statement, 11, outcome_name(attempt->outcome));
	sqlite3_bind_int64(statement, 14, attempt->health.link_errors);
	sqlite3_bind_int64(statement, 15, (int64_t)attempt->health.link_bytes);
	sqlite3_bind_int64(statement, 16, (int64_t)attempt->health.link_ms);
	sql_bind_text(statement, 17, attempt->host_id);
	sql_bind_text(statement, 18, attempt->tool_log);
	if (attempt->tool_log[0])
		sqlite3_bind_int64(statement, 19, attempt->tool_user);
	sql_bind_text(statement, 20, attempt->ticket);
	sql_bind_text(statement, 21, attempt_condition(attempt, "portName"));
}

/* The database counts the changes of what this bench writes. What has no writer is another version
 * if its text differs; a fuller one is higher. */
static uint64_t revision_of(
	const struct casebook_file *file, const struct casebook_seal *seal, const char *told)
{
	if (seal->written)
		return seal->written->revision;
	if (writer_of(file, seal))
		return 0;
	return (uint64_t)strlen(told) << 32 | crc32c(0, told, strlen(told));
}

/* Returns 1 if a row was written, 0 if it already existed and is unchanged. */
static int put_attempt(struct casebook_file *file, struct stamp now, const char *text,
	const struct casebook_seal *seal)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	CLEANUP(triage_case_freep) struct triage_case *settled = NULL;
	CLEANUP(freep) char *told = NULL;
	struct attempt *attempt = (struct attempt *)seal->attempt;
	const struct triage_case plain = {
		.identity = *seal->identity, .attempts = &attempt, .attempt_count = 1};
	const struct triage_case *c = &plain;
	char tool[2 * NAME_SIZE];
	int r = casebook_file_settle(file, seal, &settled);

	if (settled)
		c = settled;
	if (r == 0)
		r = casefile_write(c, CASEFILE_REVEAL, &told);
	if (r == 0)
		r = casebook_file_prepare(file, text, &statement);
	if (r < 0)
		return r;
	bind_attempt(statement, c, seal, now);
	sql_bind_text(statement, 12, told);
	snprintf(tool, sizeof(tool), "%s%s%s", c->attempts[0]->tool,
		c->attempts[0]->version[0] ? " " : "", c->attempts[0]->version);
	sql_bind_text(statement, 13, tool);
	sql_bind_text(statement, 22, writer_of(file, seal));
	sqlite3_bind_int64(statement, 23, (int64_t)revision_of(file, seal, told));
	r = sql_finish(statement);
	return r < 0 ? r : sqlite3_changes(file->db) > 0;
}

int casebook_file_put(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	int r = put_attempt(file, now,
		seal->written ? ATTEMPT_REPLACE ", origin = ?4, writer = ?22, revision = ?23"
			      : ATTEMPT_REPLACE,
		seal);

	return r < 0 ? r : 0;
}

/* One transaction. Returns 1 if the attempt was written, 0 if it already existed and is
 * unchanged. */
static int put_seal(struct casebook_file *file, struct stamp now, const char *text,
	const struct casebook_seal *seal)
{
	int written = 0, r = casebook_file_enter(file);

	if (r < 0)
		return r;
	r = casebook_file_make_room(file);
	if (r == 0)
		written = r = put_attempt(file, now, text, seal);
	if (r > 0 && seal->run.length > 0)
		r = insert_run(file, now, &seal->attempt->id, &seal->run);
	r = casebook_file_leave(file, r);
	return r < 0 ? r : written;
}

int casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	int r = put_seal(file, now, ATTEMPT_REPLACE, seal);

	return r < 0 ? r : 0;
}

int casebook_file_add(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	return put_seal(file, now, ATTEMPT_INSERT " ON CONFLICT (id) DO NOTHING", seal);
}

void casebook_file_bind_note(
	sqlite3_stmt *statement, const struct identity *identity, const struct note *note)
{
	sql_bind_phone(statement, identity);
	sql_bind_uuid(statement, 3, &note->id);
	sqlite3_bind_int64(statement, 4, (int64_t)note->at_us);
	sql_bind_text(statement, 5, note->kind);
	sqlite3_bind_text(statement, 6, note->text, -1, SQLITE_STATIC);
	if (!uuid_is_none(&note->amends))
		sql_bind_uuid(statement, 7, &note->amends);
	sql_bind_text(statement, 8, note->by);
}

int casebook_file_note(
	struct casebook_file *file, const struct identity *identity, const struct note *note)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO notes (ecid, udid, id, at_us, kind, text, amends, by)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE ?7 IS NOT NULL"
		" OR ?5 <> '" NOTE_HISTORY "'"
		" OR NOT EXISTS (SELECT 1 FROM notes AS same WHERE (ecid = ?1 OR udid = ?2)"
		" AND kind = ?5 AND text = ?6 AND (?9 OR NOT EXISTS"
		" (SELECT 1 FROM notes AS later WHERE later.amends = same.id OR"
		" (later.amends = same.amends AND (later.at_us, later.id) > (same.at_us,"
		" same.id)))))",
		&statement);

	if (r < 0)
		return r;
	casebook_file_bind_note(statement, identity, note);
	/* A word that somebody took back is not imported again. */
	sqlite3_bind_int(statement, 9, !note->by);
	return sql_finish(statement);
}

/* Runs a statement with all that a condition may need. */
static int write_condition(struct casebook_file *file, const char *text, struct stamp now,
	const char *place, const char *key, const char *value)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct uuid id = uuid_make(now);
	int r = sql_prepare(file->db, text, &statement);

	if (r < 0)
		return r;
	sql_bind_text(statement, 1, place);
	sql_bind_text(statement, 2, key);
	sql_bind_uuid(statement, 3, &id);
	sql_bind_text(statement, 4, file->host_id);
	sqlite3_bind_int64(statement, 5, (int64_t)now.wall_us);
	sqlite3_bind_text(statement, 6, value ? value : "", -1, SQLITE_STATIC);
	return sql_finish(statement);
}

int casebook_file_condition(struct casebook_file *file, struct stamp now, const char *place,
	const char *key, const char *value)
{
	/* Later than what it replaces, even if that was set by a clock that is ahead. */
	return write_condition(file,
		"INSERT INTO conditions (place, key, id, writer, at_us, value)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (host_id, place, key)"
		" DO UPDATE SET id = ?3, at_us = max(?5, at_us + 1), value = ?6, writer = ?4"
		" WHERE value <> ?6",
		now, place, key, value);
}

int casebook_file_end_condition(
	struct casebook_file *file, struct stamp now, const char *place, const char *key)
{
	return write_condition(file,
		"UPDATE conditions SET id = ?3, at_us = at_us + 1, value = ?6, writer = ?4"
		" WHERE host_id = '' AND place = ?1 AND key = ?2 AND value <> ?6",
		now, place, key, NULL);
}
