/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people corrected of attempts: each correction is stored, and applied to its attempt. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/file_private.h"
#include "common/store/sql.h"

int casebook_file_put_correction(struct casebook_file *file, const struct correction *correction)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO corrections (id, attempt, at_us, by, key, before, after, sequence)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, &correction->id);
	sql_bind_uuid(statement, 2, &correction->attempt);
	sqlite3_bind_int64(statement, 3, (int64_t)correction->at_us);
	sql_bind_text(statement, 4, correction->by);
	sql_bind_text(statement, 5, correction->key);
	sql_bind_text(statement, 6, correction->before);
	sql_bind_text(statement, 7, correction->after);
	sqlite3_bind_int64(statement, 8, (int64_t)correction->sequence);
	r = sql_finish(statement);
	return r < 0 ? r : sqlite3_changes(file->db) > 0;
}

/* Those of the caller, and those in the attempt: a session of the bench got them when the casebook
 * was unusable, a case file brings them. */
static int put_corrections(struct casebook_file *file, const struct casebook_seal *seal)
{
	const struct attempt *attempt = seal->attempt;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < seal->correction_count; i++)
		r = casebook_file_put_correction(file, &seal->corrections[i]);
	/* Those of a foreign attempt come by themselves. */
	for (size_t i = 0; r >= 0 && !text_equal(seal->origin, ORIGIN_IMPORTED) &&
			   i < attempt->amendment_count;
		i++) {
		const struct correction correction =
			correction_of(&attempt->id, &attempt->amendments[i]);

		r = casebook_file_put_correction(file, &correction);
	}
	return r < 0 ? r : 0;
}

/* Sets each detail that was corrected to what the last correction says. */
static int apply_corrections(
	struct casebook_file *file, struct attempt *attempt, struct identity *identity)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	char key[CONDITION_KEY_SIZE], before[DETAIL_SIZE], after[DETAIL_SIZE];
	int r = sql_prepare(file->db,
		"SELECT key, after, sequence FROM corrections AS this WHERE attempt = ?1"
		" AND NOT EXISTS (SELECT 1 FROM corrections AS later WHERE later.attempt = ?1"
		" AND later.key = this.key AND (later.at_us, later.id) > (this.at_us, this.id))"
		" ORDER BY at_us, id",
		&query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, &attempt->id);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		sql_text(query, 0, key, sizeof(key));
		sql_text(query, 1, after, sizeof(after));
		detail_get(attempt, identity, key, before);
		attempt->outcome_amended |= text_equal(key, "outcome");
		/* What it does not take changes nothing. */
		if (!text_equal(before, after))
			detail_set(attempt, identity, key, after,
				(uint64_t)sqlite3_column_int64(query, 2));
	}
	return sql_errno(r);
}

static int compare_corrections(const void *a, const void *b)
{
	const struct correction *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return memcmp(&x->id, &y->id, sizeof(x->id));
}

/* Adds it, unless it is there. Returns the new count. */
static size_t add_correction(
	struct correction *list, size_t count, const struct correction *correction)
{
	for (size_t i = 0; i < count; i++)
		if (uuid_equal(&list[i].id, &correction->id))
			return count;
	list[count] = *correction;
	return count + 1;
}

static struct amendment amendment_of(const struct correction *correction)
{
	struct amendment amendment = {.at_us = correction->at_us, .sequence = correction->sequence};

	text_copy(amendment.key, sizeof(amendment.key), correction->key);
	text_copy(amendment.before, sizeof(amendment.before), correction->before);
	text_copy(amendment.after, sizeof(amendment.after), correction->after);
	text_copy(amendment.by, sizeof(amendment.by), correction->by);
	return amendment;
}

static void read_correction(sqlite3_stmt *row, struct correction *ret)
{
	*ret = (struct correction){.at_us = (uint64_t)sqlite3_column_int64(row, 1),
		.sequence = (uint64_t)sqlite3_column_int64(row, 6)};
	sql_uuid(row, 0, &ret->id);
	sql_text(row, 2, ret->by, sizeof(ret->by));
	sql_text(row, 3, ret->key, sizeof(ret->key));
	sql_text(row, 4, ret->before, sizeof(ret->before));
	sql_text(row, 5, ret->after, sizeof(ret->after));
}

/* Lists the last corrections, those of all benches. */
static int list_corrections(struct casebook_file *file, struct attempt *attempt)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	struct correction list[2 * ATTEMPT_AMENDMENTS_MAX], correction;
	size_t count = 0, first;
	int r = sql_prepare(file->db,
		"SELECT id, at_us, by, key, before, after, sequence FROM corrections"
		" WHERE attempt = ?1 ORDER BY at_us DESC, id DESC LIMIT ?2",
		&query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, &attempt->id);
	sqlite3_bind_int(query, 2, ATTEMPT_AMENDMENTS_MAX);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		read_correction(query, &correction);
		count = add_correction(list, count, &correction);
	}
	for (size_t i = 0; i < attempt->amendment_count; i++) {
		correction = correction_of(&attempt->id, &attempt->amendments[i]);
		count = add_correction(list, count, &correction);
	}
	qsort(list, count, sizeof(*list), compare_corrections);
	first = count > ATTEMPT_AMENDMENTS_MAX ? count - ATTEMPT_AMENDMENTS_MAX : 0;
	attempt->amendment_count = count - first;
	for (size_t i = first; i < count; i++)
		attempt->amendments[i - first] = amendment_of(&list[i]);
	return sql_errno(r);
}

static bool has_corrections(struct casebook_file *file, const struct uuid *attempt)
{
	CLEANUP(sql_resetp) sqlite3_stmt *query = NULL;

	if (casebook_file_prepare(
		    file, "SELECT 1 FROM corrections WHERE attempt = ?1 LIMIT 1", &query) < 0)
		return true;
	sql_bind_uuid(query, 1, attempt);
	return sqlite3_step(query) != SQLITE_DONE;
}

/* A copy of the attempt with all of its corrections. */
static int copy_corrected(
	struct casebook_file *file, const struct casebook_seal *seal, struct triage_case **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct attempt *attempt = c ? triage_case_add(c) : NULL;
	int r;

	if (!attempt)
		return -ENOMEM;
	*attempt = *seal->attempt;
	c->identity = *seal->identity;
	r = apply_corrections(file, attempt, &c->identity);
	if (r == 0)
		r = list_corrections(file, attempt);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

int casebook_file_settle(
	struct casebook_file *file, const struct casebook_seal *seal, struct triage_case **ret)
{
	int r = put_corrections(file, seal);

	*ret = NULL;
	if (r < 0 || !has_corrections(file, &seal->attempt->id))
		return r;
	return copy_corrected(file, seal, ret);
}

int casebook_file_correct(
	struct casebook_file *file, const struct correction *corrections, size_t count)
{
	int r = casebook_file_enter(file);

	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = casebook_file_put_correction(file, &corrections[i]);
	r = casebook_file_leave(file, r);
	return r < 0 ? r : 0;
}
