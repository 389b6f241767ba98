/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/changes.h"

#include <stdio.h>
#include <string.h>

#include "common/base/fingerprint.h"
#include "common/base/text.h"
#include "common/store/private.h"
#include "common/store/sql.h"

static const char *const kind_names[CHANGE_KIND_COUNT] = {
	"attempt", "note", "correction", "condition", "purge"};

const char *change_kind_name(enum change_kind kind)
{
	return kind_names[kind];
}

enum change_kind change_kind_from_name(const char *name)
{
	size_t kind = 0;

	while (kind < CHANGE_KIND_COUNT && !text_equal(kind_names[kind], name))
		kind++;
	return (enum change_kind)kind;
}

struct correction correction_of(const struct uuid *attempt, const struct amendment *amendment)
{
	struct correction correction = {
		.attempt = *attempt, .at_us = amendment->at_us, .sequence = amendment->sequence};
	struct fingerprint print = {0};

	text_copy(correction.by, sizeof(correction.by), amendment->by);
	text_copy(correction.key, sizeof(correction.key), amendment->key);
	text_copy(correction.before, sizeof(correction.before), amendment->before);
	text_copy(correction.after, sizeof(correction.after), amendment->after);
	fingerprint_add(&print, (const char *)attempt->bytes, sizeof(attempt->bytes));
	fingerprint_add_number(&print, amendment->at_us);
	fingerprint_add(&print, amendment->key, strlen(amendment->key));
	fingerprint_add(&print, amendment->after, strlen(amendment->after));
	correction.id = fingerprint_uuid(&print);
	return correction;
}

/* The words of the kinds as an array in JSON. */
static void write_kinds(unsigned kinds, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "[");

	for (size_t kind = 0; kind < CHANGE_KIND_COUNT; kind++)
		if (kinds & 1u << kind)
			used += (size_t)snprintf(out + used, size - used, "%s\"%s\"",
				used > 1 ? "," : "", kind_names[kind]);
	snprintf(out + used, size - used, "]");
}

int casebook_changes(struct casebook *book, unsigned kinds, uint64_t after, size_t limit,
	casebook_visit_change *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	char words[96], kind[16];
	int r = sql_prepare(book->db,
		"SELECT number, kind, id FROM changes WHERE number > ?1"
		" AND kind IN (SELECT value FROM json_each(?2)) ORDER BY number LIMIT ?3",
		&query);

	if (r < 0)
		return r;
	write_kinds(kinds, words, sizeof(words));
	sqlite3_bind_int64(query, 1, (int64_t)after);
	sql_bind_text(query, 2, words);
	sqlite3_bind_int64(query, 3, (int64_t)limit);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		struct uuid id;

		sql_text(query, 1, kind, sizeof(kind));
		sql_uuid(query, 2, &id);
		if (!visit(context, (uint64_t)sqlite3_column_int64(query, 0),
			    change_kind_from_name(kind), &id))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}

/* Prepares a query of one row by its identifier. Returns 1 with the row in *ret, 0 if there is
 * none, or a negative errno. */
static int find_row(
	struct casebook *book, const char *text, const struct uuid *id, sqlite3_stmt **ret)
{
	int r = sql_prepare(book->db, text, ret);

	if (r < 0)
		return r;
	sql_bind_uuid(*ret, 1, id);
	r = sqlite3_step(*ret);
	return r == SQLITE_ROW ? 1 : sql_errno(r);
}

int casebook_written(struct casebook *book, const struct uuid *session, struct written *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	char origin[NAME_SIZE];
	int r = find_row(book,
		"SELECT writer, revision, origin, started_us FROM attempts WHERE id = ?1", session,
		&row);

	if (r <= 0)
		return r;
	sql_text(row, 0, ret->writer, sizeof(ret->writer));
	ret->revision = (uint64_t)sqlite3_column_int64(row, 1);
	sql_text(row, 2, origin, sizeof(origin));
	ret->started_us = (uint64_t)sqlite3_column_int64(row, 3);
	ret->foreign = text_equal(origin, ORIGIN_IMPORTED);
	ret->watched = text_equal(origin, ORIGIN_WATCHED);
	return 1;
}

int casebook_note(struct casebook *book, const struct uuid *id, casebook_visit_phone_note *visit,
	void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = find_row(book,
		"SELECT ecid, udid, at_us, kind, text, amends, by FROM notes WHERE id = ?1", id,
		&row);
	struct identity identity = {0};
	char kind[NAME_SIZE], by[BY_SIZE];
	struct note note = {.id = *id, .kind = kind, .by = by};

	if (r <= 0)
		return r;
	identity.ecid = (uint64_t)sqlite3_column_int64(row, 0);
	sql_text(row, 1, identity.udid, sizeof(identity.udid));
	note.at_us = (uint64_t)sqlite3_column_int64(row, 2);
	sql_text(row, 3, kind, sizeof(kind));
	note.text = (const char *)sqlite3_column_text(row, 4);
	note.text = note.text ? note.text : "";
	sql_uuid(row, 5, &note.amends);
	sql_text(row, 6, by, sizeof(by));
	visit(context, &identity, &note);
	return 1;
}

int casebook_correction(struct casebook *book, const struct uuid *id, struct correction *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = find_row(book,
		"SELECT attempt, at_us, by, key, before, after, sequence FROM corrections"
		" WHERE id = ?1",
		id, &row);

	if (r <= 0)
		return r;
	*ret = (struct correction){.id = *id,
		.at_us = (uint64_t)sqlite3_column_int64(row, 1),
		.sequence = (uint64_t)sqlite3_column_int64(row, 6)};
	sql_uuid(row, 0, &ret->attempt);
	sql_text(row, 2, ret->by, sizeof(ret->by));
	sql_text(row, 3, ret->key, sizeof(ret->key));
	sql_text(row, 4, ret->before, sizeof(ret->before));
	sql_text(row, 5, ret->after, sizeof(ret->after));
	return 1;
}

int casebook_correction_holds(struct casebook *book, const struct correction *correction)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db,
		"SELECT NOT EXISTS (SELECT 1 FROM corrections WHERE attempt = ?1 AND key = ?2"
		" AND (at_us, id) > (?3, ?4))",
		&query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, &correction->attempt);
	sql_bind_text(query, 2, correction->key);
	sqlite3_bind_int64(query, 3, (int64_t)correction->at_us);
	sql_bind_uuid(query, 4, &correction->id);
	r = sqlite3_step(query);
	return r == SQLITE_ROW ? sqlite3_column_int(query, 0) : sql_errno(r);
}

int casebook_last_correction(struct casebook *book, const struct uuid *attempt, uint64_t *ret_us)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = find_row(
		book, "SELECT max(at_us) FROM corrections WHERE attempt = ?1", attempt, &row);

	if (r <= 0)
		return r;
	*ret_us = (uint64_t)sqlite3_column_int64(row, 0);
	return *ret_us > 0;
}

int casebook_condition(struct casebook *book, const struct uuid *id, struct set_condition *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = find_row(book,
		"SELECT at_us, writer, host_id, place, key, value FROM conditions WHERE id = ?1",
		id, &row);

	if (r <= 0)
		return r;
	*ret = (struct set_condition){.id = *id, .at_us = (uint64_t)sqlite3_column_int64(row, 0)};
	sql_text(row, 1, ret->writer, sizeof(ret->writer));
	sql_text(row, 2, ret->host_id, sizeof(ret->host_id));
	sql_text(row, 3, ret->place, sizeof(ret->place));
	sql_text(row, 4, ret->key, sizeof(ret->key));
	sql_text(row, 5, ret->value, sizeof(ret->value));
	return 1;
}

/* Copies a blob of exactly that size. Returns whether there is one. */
static bool take_blob(sqlite3_stmt *row, int column, uint8_t *out, size_t size)
{
	const void *bytes = sqlite3_column_blob(row, column);

	if (!bytes || (size_t)sqlite3_column_bytes(row, column) != size)
		return false;
	memcpy(out, bytes, size);
	return true;
}

int casebook_purge(
	struct casebook *book, const struct uuid *id, casebook_visit_purge *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *row = NULL;
	int r = find_row(book,
		"SELECT at_us, writer, before_us, salt, ecid, udid, items FROM purges"
		" WHERE id = ?1",
		id, &row);
	struct purge purge = {.id = *id};

	if (r <= 0)
		return r;
	purge.at_us = (uint64_t)sqlite3_column_int64(row, 0);
	sql_text(row, 1, purge.writer, sizeof(purge.writer));
	purge.before_us = (uint64_t)sqlite3_column_int64(row, 2);
	take_blob(row, 3, purge.salt, sizeof(purge.salt));
	purge.has_ecid = take_blob(row, 4, purge.ecid, sizeof(purge.ecid));
	purge.has_udid = take_blob(row, 5, purge.udid, sizeof(purge.udid));
	purge.items = sqlite3_column_blob(row, 6);
	purge.item_count = (size_t)sqlite3_column_bytes(row, 6) / sizeof(struct uuid);
	visit(context, &purge);
	return 1;
}
