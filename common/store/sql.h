/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers over SQLite for the casebook's reader and writer. They know no table, except for the keys
 * of a phone. */
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/session.h"

static inline void sql_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

/* For a statement that stays prepared. */
static inline void sql_resetp(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

/* The negative errno of an SQLite result; 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int sql_errno(int result);
/* Checks `path` before SQLite opens it: opening a FIFO would block for ever, and for a folder
 * SQLite would report that access is denied. Returns 0 for a regular file, -ENOENT if it does not
 * exist, -EISDIR for a folder, -EINVAL for anything else. */
int sql_check_path(const char *path);
/* sqlite3_open_v2() for one thread, without the room for pages that SQLite would reserve. Returns
 * its result. */
int sql_open(const char *path, int flags, sqlite3 **ret);
/* Prepares one statement. Returns 0 or a negative errno. */
int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret);
/* Runs statements without parameters and results. Returns 0 or a negative errno. */
int sql_run(sqlite3 *db, const char *text);
/* Runs a prepared statement without results. Returns 0 or a negative errno. */
int sql_finish(sqlite3_stmt *statement);
/* Empties the write-ahead log, also on the disk: SQLite does not sync that it has become shorter.
 * Returns SQLite's result. */
int sql_empty_log(sqlite3 *db);
/* The first number of the first row. -ENOENT: no row. */
int sql_number(sqlite3 *db, const char *text, int64_t *ret);
/* `file:` and the escaped path with a query. The caller frees it; NULL when out of memory. */
char *sql_file_uri(const char *path, const char *query);

/* Parameter 1 = ecid, 2 = udid; NULL if the key is unknown. */
void sql_bind_phone(sqlite3_stmt *statement, const struct identity *identity);
void sql_bind_uuid(sqlite3_stmt *statement, int parameter, const struct uuid *uuid);
/* A text that must live until the statement ends; NULL if empty. */
void sql_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
/* A column's text as clean UTF-8; empty if NULL. */
void sql_text(sqlite3_stmt *row, int column, char *out, size_t size);
/* A column's identifier; none if it is NULL or not one. */
void sql_uuid(sqlite3_stmt *row, int column, struct uuid *ret);
