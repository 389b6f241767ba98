/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/casebook_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/store/disk_sync.h"
#include "common/store/file_private.h"
#include "common/store/schema.h"
#include "common/store/sql.h"

#define EMPTIES_WAIT_MS 2000 /* for the sync thread */
#define EMPTIES_PAUSE_MS 1
#define RESERVE_SUFFIX ".reserve"

/* The sync thread does the checkpoints: they wait for the disk, and commits must not. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = NORMAL;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA secure_delete = ON;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA trusted_schema = OFF;";

static int sync_casebook(void *user)
{
	struct casebook_file *file = user;
	bool truncate = file->truncate;
	int r;

	file->empties = truncate;
	r = truncate ? sql_empty_log(file->sync_db)
		     : sqlite3_wal_checkpoint_v2(
			       file->sync_db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	file->empties = false;
	if (truncate && r == SQLITE_OK)
		file->truncate = false;
	return truncate && r == SQLITE_BUSY ? 0 : sql_errno(r);
}

int casebook_file_prepare(struct casebook_file *file, const char *text, sqlite3_stmt **ret)
{
	size_t i = 0;
	int r;

	while (i < KEPT_STATEMENTS && file->kept[i].text && file->kept[i].text != text)
		i++;
	assert(i < KEPT_STATEMENTS);
	if (!file->kept[i].text) {
		r = sql_errno(sqlite3_prepare_v3(file->db, text, -1, SQLITE_PREPARE_PERSISTENT,
			&file->kept[i].statement, NULL));
		if (r < 0)
			return r;
		file->kept[i].text = text;
	}
	*ret = file->kept[i].statement;
	return 0;
}

/* SQLite calls it if the casebook is locked: for our own thread a writer waits, for another program
 * it does not. The thread may have ended since: one more try is due in any case. */
static int locked(void *user, int tries)
{
	static const struct timespec pause = {.tv_nsec = EMPTIES_PAUSE_MS * 1000 * 1000};
	struct casebook_file *file = user;

	if (tries > 0 && (!file->empties || tries > EMPTIES_WAIT_MS / EMPTIES_PAUSE_MS))
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

/* SQLite calls it after each commit. */
static int committed(void *user, sqlite3 *db, const char *name, int log_pages)
{
	casebook_file_sync(user);
	return SQLITE_OK;
}

/* Runs one step of the schema in its own transaction. */
static int take_step(sqlite3 *db, size_t version)
{
	char done[96];
	int r = sql_run(db, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	snprintf(done, sizeof(done),
		"PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
		CASEBOOK_APPLICATION, version + 1);
	r = sql_run(db, casebook_steps[version]);
	if (r == 0)
		r = sql_run(db, done);
	if (r < 0)
		sql_run(db, "ROLLBACK");
	return r;
}

static int migrate(sqlite3 *db, struct casebook_report *report)
{
	int64_t version = 0, application = 0, tables = 0;
	int r = sql_number(db, "PRAGMA user_version", &version);

	if (r == 0)
		r = sql_number(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = sql_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0)
		return r;
	report->created = tables == 0;
	if (tables > 0 && application != CASEBOOK_APPLICATION)
		return -EBADMSG;
	if ((size_t)version > casebook_version)
		return -EPROTONOSUPPORT;
	report->from_version = (size_t)version;
	for (size_t i = (size_t)version; r == 0 && i < casebook_version; i++)
		r = take_step(db, i);
	return r;
}

static int open_database(const char *path, sqlite3 **ret)
{
	int r = sql_check_path(path);

	if (r < 0 && r != -ENOENT)
		return r;
	r = sql_errno(sql_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ret));

	return r < 0 ? r : sql_run(*ret, settings);
}

static int open_file(const char *path, struct casebook_report *report, struct casebook_file **ret)
{
	CLEANUP(casebook_file_freep) struct casebook_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return -ENOMEM;
	r = open_database(path, &file->db);
	if (r == 0)
		r = migrate(file->db, report);
	if (r == 0)
		r = sql_number(file->db, "PRAGMA page_size", &file->page_bytes);
	if (r == 0)
		r = open_database(path, &file->sync_db);
	if (r == 0)
		r = disk_sync_new(sync_casebook, file, &file->sync);
	if (r == 0 && asprintf(&file->reserve, "%s" RESERVE_SUFFIX, path) < 0)
		file->reserve = NULL, r = -ENOMEM;
	if (r < 0)
		return r;
	sqlite3_wal_hook(file->db, committed, file);
	sqlite3_busy_handler(file->db, locked, file);
	casebook_file_take_reserve(file);
	*ret = TAKE_PTR(file);
	return 0;
}

/* SQLite creates files to open another one. */
static int open_on_full_disk(
	const char *path, struct casebook_report *report, struct casebook_file **ret)
{
	CLEANUP(freep) char *reserve = NULL;

	if (asprintf(&reserve, "%s" RESERVE_SUFFIX, path) < 0)
		return reserve = NULL, -ENOMEM;
	return unlink(reserve) == 0 ? open_file(path, report, ret) : -ENOSPC;
}

/* The file and SQLite's files next to it. */
static int set_aside(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		CLEANUP(freep) char *from = NULL;
		CLEANUP(freep) char *to = NULL;

		if (asprintf(&from, "%s%s", path, suffixes[i]) < 0)
			return from = NULL, -ENOMEM;
		if (asprintf(&to, "%s.bad%s", path, suffixes[i]) < 0)
			return to = NULL, -ENOMEM;
		if (rename(from, to) < 0 && (errno != ENOENT || i == 0))
			return -errno;
	}
	return 0;
}

int casebook_file_open(
	const char *path, struct casebook_report *ret_report, struct casebook_file **ret)
{
	mode_t before = umask(0027);
	int r;

	*ret_report = (struct casebook_report){0};
	r = open_file(path, ret_report, ret);
	if (r == -ENOSPC || r == -EIO)
		r = open_on_full_disk(path, ret_report, ret);
	if (r == -EBADMSG) {
		r = set_aside(path);
		if (r == 0)
			r = open_file(path, ret_report, ret);
		ret_report->set_aside = r == 0;
	}
	ret_report->opened = r == 0;
	umask(before);
	return r;
}

int casebook_file_identify(struct casebook_file *file, const char *host_id)
{
	/* Once: an attempt of which a person said another computer has no id. */
	static const char *const texts[] = {
		"UPDATE attempts SET host_id = ?1,"
		" told = json_set(told, '$.attempts[0].hostId', ?1)"
		" WHERE writer IS NULL AND origin = 'watched' AND host_id IS NULL"
		" AND json_valid(told)",
		"UPDATE attempts SET writer = ?1 WHERE writer IS NULL AND origin = 'watched'",
	};
	int r = 0;

	text_copy(file->host_id, sizeof(file->host_id), host_id);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;

		r = sql_prepare(file->db, texts[i], &statement);
		if (r < 0)
			return r;
		sql_bind_text(statement, 1, host_id);
		r = sql_finish(statement);
	}
	return r;
}

struct casebook_file *casebook_file_free(struct casebook_file *file)
{
	if (!file)
		return NULL;
	disk_sync_free(file->sync);
	for (size_t i = 0; i < KEPT_STATEMENTS; i++)
		sqlite3_finalize(file->kept[i].statement);
	sqlite3_close(file->sync_db);
	/* Closing the last connection copies the log into the file. */
	sqlite3_close(file->db);
	free(file->reserve);
	free(file);
	return NULL;
}

void casebook_file_drop_pages(struct casebook_file *file)
{
	sqlite3_db_release_memory(file->db);
}

bool casebook_file_moved(struct casebook_file *file)
{
	int moved = 0;

	sqlite3_file_control(file->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved;
}

void casebook_file_sync(struct casebook_file *file)
{
	disk_sync_start(file->sync);
}

bool casebook_file_hangs(struct casebook_file *file, struct stamp now)
{
	return disk_sync_hangs(file->sync, now);
}

int casebook_file_enter(struct casebook_file *file)
{
	return file->grouped ? 0 : sql_run(file->db, "BEGIN IMMEDIATE");
}

int casebook_file_leave(struct casebook_file *file, int r)
{
	int committed;

	if (file->grouped)
		return r;
	committed = r < 0 ? r : sql_run(file->db, "COMMIT");
	if (committed < 0)
		sql_run(file->db, "ROLLBACK");
	return committed < 0 ? committed : r;
}

int casebook_file_begin(struct casebook_file *file)
{
	int r = casebook_file_enter(file);

	file->grouped = r == 0;
	return r;
}

int casebook_file_end(struct casebook_file *file, bool keep)
{
	file->grouped = false;
	if (keep)
		return casebook_file_leave(file, 0);
	sql_run(file->db, "ROLLBACK");
	return 0;
}
