/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small help over SQLite for those that read and write the casebook. It knows no table but for the
 * keys of a phone. */
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/session.h"

static inline void sql_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

/* The negative errno of an SQLite result; 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int sql_errno(int result);
/* Whether SQLite may be given `path`: opening a FIFO would wait for ever, and of a folder it would
 * say that access is denied. Returns 0 for an ordinary file, -ENOENT where there is nothing,
 * -EISDIR for a folder, -EINVAL for what else it is. */
int sql_check_path(const char *path);
/* Prepares one statement. Returns 0 or a negative errno. */
int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret);
/* Runs statements that take and give nothing. Returns 0 or a negative errno. */
int sql_run(sqlite3 *db, const char *text);
/* Runs a prepared statement that gives nothing. Returns 0 or a negative errno. */
int sql_finish(sqlite3_stmt *statement);
/* The first number of the first row. -ENOENT: no row. */
int sql_number(sqlite3 *db, const char *text, int64_t *ret);
/* `file:` and the escaped path with a query. The caller frees it; NULL when memory is out. */
char *sql_file_uri(const char *path, const char *query);

/* Parameter 1 = ecid, 2 = udid; NULL where the key is not known. */
void sql_bind_phone(sqlite3_stmt *statement, const struct identity *identity);
void sql_bind_uuid(sqlite3_stmt *statement, int parameter, const struct uuid *uuid);
/* A text that must live until the statement ends; NULL where it is empty. */
void sql_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
/* A column's text as clean UTF-8; empty where it is NULL. */
void sql_text(sqlite3_stmt *row, int column, char *out, size_t size);
