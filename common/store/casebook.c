/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/casebook.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/private.h"
#include "common/store/schema.h"
#include "common/store/sql.h"
#include "common/casefile/casefile.h"

/* The columns of every query of attempts, in the order of take_attempt(). */
#define ATTEMPT_COLUMNS "SELECT ecid, udid, product, origin, told, started_us, id FROM attempts "
/* Rows of one phone, by either of its identifiers. */
#define OF_PHONE "(ecid = ?1 OR udid = ?2)"

static int check_version(struct casebook *book)
{
	int64_t application = 0, version = 0;
	int r = sql_number(book->db, "PRAGMA application_id", &application);

	if (r == 0)
		r = sql_number(book->db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (application != CASEBOOK_APPLICATION)
		return -EBADMSG;
	return (size_t)version > casebook_version ? -EPROTONOSUPPORT : 0;
}

static int open_database(const char *path, sqlite3 **ret)
{
	CLEANUP(freep) char *uri = NULL;
	int r = sql_open(path, SQLITE_OPEN_READONLY, ret);
	int64_t version;

	if (r == SQLITE_OK)
		r = sql_number(*ret, "PRAGMA user_version", &version) == 0 ? SQLITE_OK
									   : sqlite3_errcode(*ret);
	/* A daemon that crashed left its files, and this user has only read access to the folder:
	 * the file is unchanged and nobody writes it. */
	if (r != SQLITE_CANTOPEN && r != SQLITE_READONLY)
		return sql_errno(r);
	sqlite3_close(*ret);
	*ret = NULL;
	uri = sql_file_uri(path, "immutable=1");
	if (!uri)
		return -ENOMEM;
	return sql_errno(sql_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret));
}

int casebook_open(const char *path, struct casebook **ret)
{
	CLEANUP(casebook_freep) struct casebook *book = calloc(1, sizeof(*book));
	int r;

	if (!book)
		return -ENOMEM;
	r = sql_check_path(path);
	if (r == 0)
		r = open_database(path, &book->db);
	if (r == 0)
		r = check_version(book);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(book);
	return 0;
}

struct casebook *casebook_free(struct casebook *book)
{
	if (!book)
		return NULL;
	sqlite3_close(book->db);
	free(book);
	return NULL;
}

static void take_identity(sqlite3_stmt *row, struct identity *ret)
{
	*ret = (struct identity){.ecid = (uint64_t)sqlite3_column_int64(row, 0)};
	sql_text(row, 1, ret->udid, sizeof(ret->udid));
	sql_text(row, 2, ret->product, sizeof(ret->product));
}

/* Passes a row to the visitor. Returns false to end the visit. */
static bool take_attempt(sqlite3_stmt *row, casebook_visit_attempt *visit, void *context)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct kept_attempt kept = {0};
	struct identity identity;
	char origin[NAME_SIZE], message[CASEFILE_MESSAGE_SIZE];
	const char *told = (const char *)sqlite3_column_text(row, 4);

	if (!told || casefile_parse(told, (size_t)sqlite3_column_bytes(row, 4), &c, message) < 0 ||
		c->attempt_count != 1)
		return true;
	take_identity(row, &identity);
	sql_text(row, 3, origin, sizeof(origin));
	text_copy(identity.board, sizeof(identity.board), c->identity.board);
	kept = (struct kept_attempt){
		c->attempts[0], &identity, origin, (uint64_t)sqlite3_column_int64(row, 5)};
	return visit(context, &kept);
}

static bool is_wanted(sqlite3_stmt *row, casebook_want_attempt *want, void *context)
{
	const void *id = sqlite3_column_blob(row, 6);
	struct uuid session;

	if (!want || !id || sqlite3_column_bytes(row, 6) != sizeof(session.bytes))
		return true;
	memcpy(session.bytes, id, sizeof(session.bytes));
	return want(context, &session);
}

/* Runs a query of attempts to its end. Returns the number of its rows, or a negative errno. */
static int visit_rows(sqlite3_stmt *query, casebook_want_attempt *want,
	casebook_visit_attempt *visit, void *context)
{
	int rows = 0, r;

	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		rows++;
		if (is_wanted(query, want, context) && !take_attempt(query, visit, context))
			return rows;
	}
	return r == SQLITE_DONE ? rows : sql_errno(r);
}

int casebook_complete_identity(struct casebook *book, struct identity *identity)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT ecid, udid, product FROM attempts WHERE " OF_PHONE
		" ORDER BY ecid IS NULL OR udid IS NULL, product IS NULL LIMIT 1",
		&query);
	struct identity known;

	if (r < 0)
		return r;
	sql_bind_phone(query, identity);
	r = sqlite3_step(query);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? 0 : sql_errno(r);
	take_identity(query, &known);
	identity_merge(identity, &known);
	return 1;
}

/* Whether the phone has a note. Returns 1, 0, or a negative errno. */
static int is_noted(struct casebook *book, const struct identity *identity)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db, "SELECT 1 FROM notes WHERE " OF_PHONE " LIMIT 1", &query);

	if (r < 0)
		return r;
	sql_bind_phone(query, identity);
	r = sqlite3_step(query);
	return r == SQLITE_ROW ? 1 : sql_errno(r);
}

int casebook_find_identity(struct casebook *book, const char *name, struct identity *ret)
{
	struct identity identity = {0};
	int r;

	if (udid_normalize(name, identity.udid) == 0)
		identity.ecid = udid_ecid(identity.udid);
	else if (ecid_parse(name, &identity.ecid) < 0)
		return 0;
	r = casebook_complete_identity(book, &identity);
	if (r == 0)
		r = is_noted(book, &identity);
	if (r > 0)
		*ret = identity;
	return r;
}

#define NEWEST_UNTIL "started_us <= ?4 ORDER BY started_us DESC, number DESC LIMIT ?3"

int casebook_attempts(struct casebook *book, const struct identity *identity, uint64_t until_us,
	size_t limit, casebook_want_attempt *want, casebook_visit_attempt *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		identity ? ATTEMPT_COLUMNS "WHERE " OF_PHONE " AND " NEWEST_UNTIL
			 : ATTEMPT_COLUMNS "WHERE " NEWEST_UNTIL,
		&query);

	if (r < 0)
		return r;
	if (identity)
		sql_bind_phone(query, identity);
	sqlite3_bind_int64(query, 3, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	sqlite3_bind_int64(query, 4, until_us > INT64_MAX ? INT64_MAX : (int64_t)until_us);
	r = visit_rows(query, want, visit, context);
	return r < 0 ? r : 0;
}

int casebook_attempt(struct casebook *book, const struct uuid *session,
	casebook_visit_attempt *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db, ATTEMPT_COLUMNS "WHERE id = ?1", &query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, session);
	return visit_rows(query, NULL, visit, context);
}

/* Visits the records of one run. Returns 1, 0 if the visit ended, or -EBADMSG. */
static int visit_run(sqlite3_stmt *row, const struct uuid *session, uint64_t after,
	uint8_t run[static RECORD_RUN_BYTES_MAX], casebook_visit_record *visit, void *context)
{
	const uint8_t *packed = sqlite3_column_blob(row, 0);
	int length = record_run_unpack(packed, (size_t)sqlite3_column_bytes(row, 0), run);
	struct event event;
	size_t offset = 0;
	int r;

	if (length < 0)
		return length;
	while ((r = record_run_next(run, (size_t)length, &offset, &event)) > 0) {
		event.session = *session;
		if (event.sequence > after && !visit(context, &event))
			return 0;
	}
	return r < 0 ? r : 1;
}

int casebook_records(struct casebook *book, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	CLEANUP(freep) uint8_t *run = malloc(RECORD_RUN_BYTES_MAX);
	int r = sql_prepare(book->db,
		"SELECT packed FROM records WHERE attempt = ?1 AND last > ?2 ORDER BY first",
		&query);

	if (r < 0 || !run)
		return run ? r : -ENOMEM;
	sql_bind_uuid(query, 1, session);
	sqlite3_bind_int64(query, 2, (int64_t)after);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		r = visit_run(query, session, after, run, visit, context);
		if (r <= 0)
			return r;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}

/* A text of the row, valid until the next step; NULL if unknown. */
static const char *row_text(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

static void read_uuid(sqlite3_stmt *row, int column, struct uuid *ret)
{
	const void *bytes = sqlite3_column_blob(row, column);

	*ret = (struct uuid){{0}};
	if (bytes && sqlite3_column_bytes(row, column) == sizeof(ret->bytes))
		memcpy(ret->bytes, bytes, sizeof(ret->bytes));
}

int casebook_notes(struct casebook *book, const struct identity *identity,
	casebook_visit_note *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT id, at_us, kind, text, amends, by,"
		" EXISTS (SELECT 1 FROM notes AS later WHERE later.amends = notes.id)"
		" FROM notes WHERE " OF_PHONE " ORDER BY at_us, id",
		&query);

	if (r < 0)
		return r;
	sql_bind_phone(query, identity);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		struct note note = {
			.at_us = (uint64_t)sqlite3_column_int64(query, 1),
			.kind = row_text(query, 2) ? row_text(query, 2) : "",
			.text = row_text(query, 3) ? row_text(query, 3) : "",
			.by = row_text(query, 5),
			.amended = sqlite3_column_int(query, 6),
		};

		read_uuid(query, 0, &note.id);
		read_uuid(query, 4, &note.amends);
		if (!visit(context, &note))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}

int casebook_conditions(struct casebook *book, casebook_visit_condition *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT place, key, value, at_us FROM conditions ORDER BY place, key LIMIT ?1",
		&query);

	if (r < 0)
		return r;
	sqlite3_bind_int(query, 1, CASEBOOK_CONDITIONS_MAX);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		struct condition condition = {0};
		char place[UDID_SIZE];

		sql_text(query, 0, place, sizeof(place));
		sql_text(query, 1, condition.key, sizeof(condition.key));
		sql_text(query, 2, condition.value, sizeof(condition.value));
		if (!visit(context, place, &condition, (uint64_t)sqlite3_column_int64(query, 3)))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}

int casebook_places(struct casebook *book, uint64_t since_us, size_t limit,
	casebook_visit_place *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT ecid, udid, product, host, port, cable, outcome, host_id FROM attempts"
		" WHERE started_us >= ?1 ORDER BY started_us DESC LIMIT ?2",
		&query);

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, (int64_t)since_us);
	sqlite3_bind_int64(query, 2, (int64_t)limit);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		const char *outcome = row_text(query, 6);
		const struct whereabouts where = {
			.host = row_text(query, 3),
			.host_id = row_text(query, 7),
			.port = row_text(query, 4),
			.cable = row_text(query, 5),
			.outcome = outcome_from_name(outcome ? outcome : ""),
		};
		struct identity identity;

		take_identity(query, &identity);
		if (!visit(context, &identity, &where))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}
