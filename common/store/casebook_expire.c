/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a casebook deletes because of its age, by a time that a wrong clock cannot move far. */
#include <errno.h>

#include "common/store/file_private.h"
#include "common/store/sql.h"

/* Between two looks at the clock, the most time that counts for the age of data. */
#define TRUST_US (7 * 86400 * USEC_PER_SEC)
/* So long other benches may be away, and still learn of a purge. */
#define REMAINS_US (730 * 86400 * USEC_PER_SEC)
#define EXPIRE_ROWS 64 /* rows deleted at a time, so that the loop is not blocked */

/* The start of the newest attempt (wall clock); 0 if there is none. */
static int newest_start(struct casebook_file *file, uint64_t *ret)
{
	int64_t newest = 0;
	int r = sql_number(file->db,
		"SELECT started_us FROM attempts ORDER BY started_us DESC LIMIT 1", &newest);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r == 0 ? (uint64_t)newest : 0;
	return 0;
}

/* What the casebook has seen of the clock. */
struct seen_clock {
	uint64_t at_us;	     /* when it was seen last */
	uint64_t trusted_us; /* the time that has passed for the age of data */
};

/* Without an earlier look at the clock, the newest attempt is the best witness of the time. */
static int read_clock(struct casebook_file *file, uint64_t now_us, struct seen_clock *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	uint64_t newest_us = 0;
	int r = sql_prepare(file->db, "SELECT at_us, trusted_us FROM clock", &query);

	if (r < 0)
		return r;
	r = sqlite3_step(query);
	if (r == SQLITE_ROW) {
		ret->at_us = (uint64_t)sqlite3_column_int64(query, 0);
		ret->trusted_us = (uint64_t)sqlite3_column_int64(query, 1);
		return 0;
	}
	r = sql_errno(r);
	if (r == 0)
		r = newest_start(file, &newest_us);
	if (r < 0)
		return r;
	*ret = (struct seen_clock){newest_us, newest_us ? newest_us : now_us};
	return 0;
}

static int write_clock(struct casebook_file *file, const struct seen_clock *clock)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO clock (id, at_us, trusted_us) VALUES (1, ?1, ?2)"
		" ON CONFLICT (id) DO UPDATE SET at_us = ?1, trusted_us = ?2",
		&statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)clock->at_us);
	sqlite3_bind_int64(statement, 2, (int64_t)clock->trusted_us);
	return sql_finish(statement);
}

/* Of the time since the last look a week counts at most, and twice the time if the trusted time is
 * behind, because the computer was off for longer. A clock that ran ahead and was set back leaves
 * no trace; one that is far behind changes nothing. */
static uint64_t trust(const struct seen_clock *clock, uint64_t now_us)
{
	uint64_t trusted_us = clock->trusted_us, passed_us;

	if (trusted_us < now_us && clock->at_us < now_us) {
		passed_us = 2 * (now_us - clock->at_us);
		trusted_us += passed_us < TRUST_US ? passed_us : TRUST_US;
	}
	return trusted_us > now_us && trusted_us - now_us <= TRUST_US ? now_us : trusted_us;
}

int casebook_file_trusted_time(struct casebook_file *file, uint64_t now_us, uint64_t *ret)
{
	struct seen_clock clock;
	int r = read_clock(file, now_us, &clock);

	if (r < 0)
		return r;
	clock.trusted_us = trust(&clock, now_us);
	clock.at_us = now_us;
	r = write_clock(file, &clock);
	if (r == 0)
		*ret = clock.trusted_us < now_us ? clock.trusted_us : now_us;
	return r;
}

/* Deletes some rows. Returns 1 if there may be more. */
static int expire(struct casebook_file *file, const char *text, uint64_t before_us, uint64_t now_us)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db, text, &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)before_us);
	sqlite3_bind_int64(statement, 2, (int64_t)now_us);
	sqlite3_bind_int(statement, 3, EXPIRE_ROWS);
	r = sql_finish(statement);
	return r < 0 ? r : sqlite3_changes(file->db) == EXPIRE_ROWS;
}

/* What was stored after something that has not expired has not expired either: the clock was wrong
 * when it was stored. */
#define STORED_BEFORE(table, time)                                                                 \
	"rowid < (SELECT ifnull(min(rowid), 9223372036854775807) FROM " table " WHERE " time       \
	" BETWEEN ?1 AND ?2)"

/* What other benches need to know of what is gone, and corrections whose attempt never arrived. */
static int expire_remains(struct casebook_file *file, uint64_t now_us, uint64_t attempts_us)
{
	static const char *const old_purges =
		"DELETE FROM purges WHERE rowid IN"
		" (SELECT rowid FROM purges WHERE at_us < ?1 LIMIT ?3)";
	static const char *const old_removals =
		"DELETE FROM conditions WHERE rowid IN"
		" (SELECT rowid FROM conditions WHERE value = '' AND at_us < ?1 LIMIT ?3)";
	static const char *const old_corrections =
		"DELETE FROM corrections WHERE rowid IN (SELECT rowid FROM corrections"
		" WHERE at_us < ?1 AND NOT EXISTS"
		" (SELECT 1 FROM attempts WHERE id = corrections.attempt) LIMIT ?3)";
	uint64_t before_us = now_us > REMAINS_US ? now_us - REMAINS_US : 0;
	int r = expire(file, old_purges, before_us, now_us);

	if (r >= 0)
		r = expire(file, old_removals, before_us, now_us);
	return r < 0 ? r : expire(file, old_corrections, attempts_us, now_us);
}

int casebook_file_expire(struct casebook_file *file, uint64_t now_us, uint64_t trusted_us,
	uint64_t records_us, uint64_t attempts_us)
{
	static const char *const old_records =
		"DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE kept_us < ?1"
		" AND " STORED_BEFORE("records", "kept_us") " LIMIT ?3)";
	static const char *const old_attempts =
		"DELETE FROM attempts WHERE rowid IN (SELECT rowid FROM attempts"
		" WHERE started_us < ?1 AND (origin <> 'watched' OR " STORED_BEFORE(
			"attempts", "started_us") ") ORDER BY started_us LIMIT ?3)";
	static const char *const old_notes =
		"DELETE FROM notes WHERE rowid IN (SELECT rowid FROM notes WHERE at_us < ?1"
		" AND " STORED_BEFORE("notes", "at_us") " LIMIT ?3)";
	int more, r = casebook_file_enter(file);

	if (r < 0)
		return r;
	more = r = expire(file, old_records, records_us, now_us);
	if (r >= 0)
		more |= r = expire(file, old_attempts, attempts_us, now_us);
	if (r >= 0)
		r = expire(file, old_notes, attempts_us, now_us);
	if (r >= 0)
		r = expire_remains(file, trusted_us, attempts_us);
	r = casebook_file_leave(file, r);
	/* It may have been in use, or the disk too full for it. */
	casebook_file_take_reserve(file);
	return r < 0 ? r : r || more;
}
