/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/macro.h"
#include "common/base/text.h"

int sql_errno(int result)
{
	static const struct {
		int result, error;
	} errors[] = {
		{SQLITE_OK, 0},
		{SQLITE_ROW, 0},
		{SQLITE_DONE, 0},
		{SQLITE_NOMEM, -ENOMEM},
		{SQLITE_BUSY, -EBUSY},
		{SQLITE_LOCKED, -EBUSY},
		{SQLITE_FULL, -ENOSPC},
		{SQLITE_READONLY, -EROFS},
		{SQLITE_PERM, -EACCES},
		{SQLITE_CANTOPEN, -EACCES},
		{SQLITE_CORRUPT, -EBADMSG},
		{SQLITE_NOTADB, -EBADMSG},
		{SQLITE_SCHEMA, -EBADMSG},
		{SQLITE_ERROR, -EBADMSG}, /* a missing table or column */
		{SQLITE_CONSTRAINT, -EEXIST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].result == (result & 0xff))
			return errors[i].error;
	return -EIO;
}

int sql_check_path(const char *path)
{
	struct stat about;

	if (stat(path, &about) < 0)
		return -errno;
	if (S_ISDIR(about.st_mode))
		return -EISDIR;
	return S_ISREG(about.st_mode) ? 0 : -EINVAL;
}

int sql_open(const char *path, int flags, sqlite3 **ret)
{
	/* Not 20 pages at once for each connection. SQLite ignores it once it is in use. */
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	return sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
}

int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret)
{
	return sql_errno(sqlite3_prepare_v2(db, text, -1, ret, NULL));
}

int sql_run(sqlite3 *db, const char *text)
{
	return sql_errno(sqlite3_exec(db, text, NULL, NULL, NULL));
}

int sql_finish(sqlite3_stmt *statement)
{
	return sql_errno(sqlite3_step(statement));
}

int sql_empty_log(sqlite3 *db)
{
	int r = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_file *log = NULL;

	if (r == SQLITE_OK)
		r = sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (r == SQLITE_OK && log && log->pMethods)
		r = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	return r;
}

int sql_number(sqlite3 *db, const char *text, int64_t *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(db, text, &query);

	if (r < 0)
		return r;
	r = sqlite3_step(query);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENOENT : sql_errno(r);
	*ret = sqlite3_column_int64(query, 0);
	return 0;
}

char *sql_file_uri(const char *path, const char *query)
{
	char *uri;
	/* SQLite's own %w and %q do not escape percent signs: hex for each special byte is safe. */
	char *escaped = malloc(3 * strlen(path) + 1), *out = escaped;

	if (!escaped)
		return NULL;
	for (; *path; path++) {
		if (strchr("%?#", *path))
			out += sprintf(out, "%%%02x", (unsigned char)*path);
		else
			*out++ = *path;
	}
	*out = '\0';
	if (asprintf(&uri, "file:%s?%s", escaped, query) < 0)
		uri = NULL;
	free(escaped);
	return uri;
}

void sql_bind_phone(sqlite3_stmt *statement, const struct identity *identity)
{
	if (identity->ecid)
		sqlite3_bind_int64(statement, 1, (int64_t)identity->ecid);
	sql_bind_text(statement, 2, identity->udid);
}

void sql_bind_uuid(sqlite3_stmt *statement, int parameter, const struct uuid *uuid)
{
	sqlite3_bind_blob(statement, parameter, uuid->bytes, sizeof(uuid->bytes), SQLITE_TRANSIENT);
}

void sql_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
	if (text && *text)
		sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

void sql_text(sqlite3_stmt *row, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	int length = sqlite3_column_bytes(row, column);

	text_clean(text ? text : "", text ? (size_t)length : 0, out, size);
}

void sql_uuid(sqlite3_stmt *row, int column, struct uuid *ret)
{
	const void *bytes = sqlite3_column_blob(row, column);

	*ret = (struct uuid){{0}};
	if (bytes && sqlite3_column_bytes(row, column) == sizeof(ret->bytes))
		memcpy(ret->bytes, bytes, sizeof(ret->bytes));
}
