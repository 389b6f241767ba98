/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/casebook.h"

#include <ctype.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/text.h"
#include "common/store/private.h"
#include "common/store/schema.h"
#include "common/store/sql.h"
#include "common/casefile/casefile.h"

/* The columns of every query of attempts, in the order of take_attempt(). */
#define ATTEMPT_COLUMNS "SELECT ecid, udid, product, origin, told, started_us, id FROM "
/* Rows of one phone, by either of its identifiers. */
#define OF_PHONE "(ecid = ?1 OR udid = ?2)"
#define QUERY_SIZE 1024 /* bytes of the longest query of attempts */

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

/* Whether SQLite's write-ahead log of the file may have attempts. */
static bool has_log(const char *path)
{
	CLEANUP(freep) char *log = NULL;
	struct stat about;

	if (asprintf(&log, "%s-wal", path) < 0)
		return log = NULL, true;
	return stat(log, &about) == 0 ? about.st_size > 0 : errno != ENOENT;
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
	 * the file is unchanged and nobody writes it. But attempts in the write-ahead log would be
	 * missing. */
	if ((r != SQLITE_CANTOPEN && r != SQLITE_READONLY) || has_log(path))
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

void casebook_drop_pages(struct casebook *book)
{
	sqlite3_db_release_memory(book->db);
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
	struct identity identity;
	struct uuid session;

	if (!want || !id || sqlite3_column_bytes(row, 6) != sizeof(session.bytes))
		return true;
	memcpy(session.bytes, id, sizeof(session.bytes));
	take_identity(row, &identity);
	return want(context, &session, &identity);
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

/* Adds what one attempt of the phone says. Returns 1 if there is one, 0 or a negative errno. */
static int merge_from(struct casebook *book, const char *text, struct identity *identity)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db, text, &query);
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

int casebook_complete_identity(struct casebook *book, struct identity *identity)
{
	int keys, r;

	keys = r = merge_from(book,
		"SELECT ecid, udid, NULL FROM attempts WHERE " OF_PHONE
		" ORDER BY ecid IS NULL OR udid IS NULL, started_us DESC, id DESC LIMIT 1",
		identity);
	if (r > 0)
		r = merge_from(book,
			"SELECT ecid, udid, product FROM attempts WHERE " OF_PHONE
			" AND product IS NOT NULL ORDER BY started_us DESC, id DESC LIMIT 1",
			identity);
	return r < 0 ? r : keys;
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

/* The conditions of a filter. One product type can use its index in the order of time; for several,
 * the index in time is searched. */
static void write_query(const struct filter *filter, char *out, size_t size)
{
	bool one = filter->product_count == 1;
	/* SQLite would sort whole rows: it sorts only their numbers, and a join with them keeps
	 * that order, because CROSS JOIN makes them its outer loop. */
	int length = snprintf(out, size,
		ATTEMPT_COLUMNS "(SELECT number AS found FROM attempts"
				" WHERE started_us BETWEEN ?3 AND ?4%s%s%s%s%s%s",
		filter->identity ? " AND " OF_PHONE : "", filter->ticket ? " AND ticket = ?5" : "",
		filter->port ? " AND (port = ?6 OR slot = ?6)" : "",
		filter->outcome ? " AND outcome = ?7" : "",
		one ? " AND product COLLATE NOCASE = ?8" : "",
		filter->product_count > 1
			? " AND +product COLLATE NOCASE IN (SELECT value FROM json_each(?8))"
			: "");
	const unsigned names = filter->name ? filter->names : 0;

	if (names)
		length += snprintf(out + length, size - (size_t)length, " AND (id = ?16%s%s%s)",
			names & NAMES_PHONE ? " OR ecid IN (?17, ?18) OR udid = ?19"
					      " OR ecid & 65535 = ?20"
					      " OR lower(substr(udid, -4)) = ?21"
					    : "",
			names & NAMES_TICKET ? " OR ticket = ?22" : "",
			names & NAMES_SESSION ? " OR lower(hex(substr(id, -2))) = ?21" : "");
	snprintf(out + length, size - (size_t)length,
		" ORDER BY started_us DESC, id DESC LIMIT ?23)"
		" CROSS JOIN attempts ON number = found");
}

static void bind_ecid(sqlite3_stmt *query, int parameter, uint64_t ecid)
{
	if (ecid)
		sqlite3_bind_int64(query, parameter, (int64_t)ecid);
}

static void bind_name(sqlite3_stmt *query, const struct typed_name *name)
{
	const char *text = name->text;
	char end[FILTER_END_LEAST + 1] = "", *rest;
	uint64_t value;

	if (name->has_end)
		text_copy(end, sizeof(end), text + strlen(text) - FILTER_END_LEAST);
	for (char *c = end; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	value = strtoul(end, &rest, 16);
	if (!uuid_is_none(&name->session))
		sql_bind_uuid(query, 16, &name->session);
	bind_ecid(query, 17, name->ecid);
	bind_ecid(query, 18, name->decimal);
	sql_bind_text(query, 19, name->udid);
	if (name->has_end && !*rest)
		sqlite3_bind_int64(query, 20, (int64_t)value);
	if (name->has_end)
		sqlite3_bind_text(query, 21, end, -1, SQLITE_TRANSIENT);
	sql_bind_text(query, 22, text);
}

/* One as a text, several as a JSON array. */
static void bind_products(sqlite3_stmt *query, const struct filter *filter)
{
	char array[FILTER_PRODUCTS_MAX * NAME_SIZE] = "";
	size_t length = 0;

	if (filter->product_count == 1)
		sql_bind_text(query, 8, filter->products[0]);
	if (filter->product_count <= 1)
		return;
	for (size_t i = 0; i < filter->product_count; i++)
		length += (size_t)snprintf(array + length, sizeof(array) - length, "%c\"%s\"",
			i ? ',' : '[', filter->products[i]);
	snprintf(array + length, sizeof(array) - length, "]");
	sqlite3_bind_text(query, 8, array, -1, SQLITE_TRANSIENT);
}

static void bind_filter(sqlite3_stmt *query, const struct filter *filter)
{
	uint64_t until_us = filter_until(filter);

	if (filter->identity)
		sql_bind_phone(query, filter->identity);
	sqlite3_bind_int64(query, 3, (int64_t)filter->since_us);
	sqlite3_bind_int64(query, 4, until_us > INT64_MAX ? INT64_MAX : (int64_t)until_us);
	if (filter->ticket)
		sql_bind_text(query, 5, filter->ticket);
	if (filter->port)
		sql_bind_text(query, 6, filter->port);
	if (filter->outcome)
		sql_bind_text(query, 7, filter->outcome);
	bind_products(query, filter);
	if (filter->name)
		bind_name(query, filter->name);
}

int casebook_attempts(struct casebook *book, const struct filter *filter, size_t limit,
	casebook_want_attempt *want, casebook_visit_attempt *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	char text[QUERY_SIZE];
	int r;

	write_query(filter, text, sizeof(text));
	r = sql_prepare(book->db, text, &query);
	if (r < 0)
		return r;
	bind_filter(query, filter);
	sqlite3_bind_int64(query, 23, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	r = visit_rows(query, want, visit, context);
	return r < 0 ? r : 0;
}

int casebook_attempt(struct casebook *book, const struct uuid *session,
	casebook_visit_attempt *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db, ATTEMPT_COLUMNS "attempts WHERE id = ?1", &query);

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

int casebook_notes(struct casebook *book, const struct identity *identity,
	casebook_visit_note *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT id, at_us, kind, text, amends, by,"
		" EXISTS (SELECT 1 FROM notes AS later WHERE later.amends = notes.id"
		/* Of two corrections of a note, made on two benches, the later one holds. */
		" OR (later.amends = notes.amends"
		" AND (later.at_us, later.id) > (notes.at_us, notes.id)))"
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

		sql_uuid(query, 0, &note.id);
		sql_uuid(query, 4, &note.amends);
		if (!visit(context, &note))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}

int casebook_conditions(struct casebook *book, casebook_visit_condition *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT place, key, value, at_us FROM conditions"
		" WHERE host_id = '' AND value <> '' ORDER BY place, key LIMIT ?1",
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

int casebook_places(
	struct casebook *book, uint64_t since_us, casebook_visit_place *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		/* No tool was needed to start a phone; `told` is not in the index. */
		"SELECT ecid, udid, product, host, port, cable, outcome, host_id, started_us"
		" FROM attempts"
		" WHERE started_us >= ?1 AND NOT iif(tool IS NULL AND json_valid(told),"
		" json_extract(told, '$.attempts[0].action') IS '" ACTION_BOOT "', 0)"
		" ORDER BY started_us DESC",
		&query);

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, (int64_t)since_us);
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
		if (!visit(context, &identity, &where, (uint64_t)sqlite3_column_int64(query, 8)))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}
