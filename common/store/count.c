/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts the attempts of a casebook. */
#include "common/base/text.h"
#include "common/store/private.h"
#include "common/store/sql.h"

#define MONDAY "date(started_us / 1000000, 'unixepoch', 'localtime', 'weekday 0', '-6 days')"

#define COMPUTER "coalesce(host_id, host)"

/* Counts entries of one index, without reading the rows. `place` tells groups with one key apart;
 * the names are those of the row with max(started_us). */
#define COUNT(key, place, order)                                                                   \
	"SELECT key, place, count(*), sum(outcome = 'failed'), sum(outcome = 'succeeded'),"        \
	" count(DISTINCT coalesce(ecid, udid)), sum(link_errors), sum(link_bytes), sum(link_ms),"  \
	" host, host_id, max(started_us)"                                                          \
	" FROM (SELECT " key " AS key, " place " AS place, outcome, ecid, udid, link_errors,"      \
	" link_bytes, link_ms, host, host_id, started_us FROM attempts"                            \
	" WHERE started_us >= ?1 AND outcome NOT IN ('not-started', 'withdrawn')"                  \
	" ORDER BY started_us DESC LIMIT ?2)"                                                      \
	" GROUP BY key, place ORDER BY " order " LIMIT ?3"
#define FAILURES_FIRST "4 DESC, 3 DESC, 1, 2"

static const struct {
	const char *name;
	const char *query;
} groups[] = {
	[GROUP_PORT] = {"port", COUNT("port", COMPUTER, FAILURES_FIRST)},
	[GROUP_CABLE] = {"cable", COUNT("cable", "NULL", FAILURES_FIRST)},
	[GROUP_BENCH] = {"bench", COUNT("NULL", COMPUTER, FAILURES_FIRST)},
	[GROUP_MODEL] = {"model", COUNT("product", "NULL", FAILURES_FIRST)},
	[GROUP_WEEK] = {"week", COUNT(MONDAY, "NULL", "1 DESC")},
	[GROUP_TOOL] = {"tool", COUNT("tool", "NULL", FAILURES_FIRST)},
};

enum group_by group_by_name(const char *name)
{
	size_t by = 0;

	while (by < GROUP_COUNT && !text_equal(groups[by].name, name))
		by++;
	return (enum group_by)by;
}

static const char *column_text(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

int casebook_count(struct casebook *book, enum group_by by, uint64_t since_us,
	casebook_visit_group *visit, void *context)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(book->db, groups[by].query, &query);

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, (int64_t)since_us);
	sqlite3_bind_int(query, 2, CASEBOOK_COUNTED_MAX);
	sqlite3_bind_int(query, 3, CASEBOOK_GROUPS_MAX);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		bool of_computer = sqlite3_column_type(query, 1) != SQLITE_NULL;
		const char *host = of_computer ? column_text(query, 9) : NULL;
		const struct group group = {
			.key = by == GROUP_BENCH ? host : column_text(query, 0),
			.host = by == GROUP_BENCH ? NULL : host,
			.host_id = of_computer ? column_text(query, 10) : NULL,
			.attempts = (uint64_t)sqlite3_column_int64(query, 2),
			.failed = (uint64_t)sqlite3_column_int64(query, 3),
			.succeeded = (uint64_t)sqlite3_column_int64(query, 4),
			.phones = (uint64_t)sqlite3_column_int64(query, 5),
			.link_errors = (uint64_t)sqlite3_column_int64(query, 6),
			.link_bytes = (uint64_t)sqlite3_column_int64(query, 7),
			.link_ms = (uint64_t)sqlite3_column_int64(query, 8),
		};

		if (!visit(context, &group))
			return 0;
	}
	return r == SQLITE_DONE ? 0 : sql_errno(r);
}
