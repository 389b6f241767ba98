/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/casebook_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/store/schema.h"
#include "common/store/sql.h"
#include "common/casefile/casefile.h"
#include "common/store/disk_sync.h"
#include "common/store/file_private.h"

#define EMPTIES_WAIT_MS 2000 /* for the sync thread */
#define EMPTIES_PAUSE_MS 1
/* A file that only takes room on the disk. On a full disk it is deleted, so that a purge, which
 * writes before it deletes, has some. */
#define RESERVE_SUFFIX ".reserve"
#define RESERVE_BYTES (4u << 20)
#define RESERVE_BYTES_MIN (64u << 10) /* less is of no use */
/* Rows deleted at a time beyond the limit of bytes, where each run makes room for itself. */
#define OLDEST_ROWS 8
#define OLDEST_TURNS 8
#define WATCHED_PART 4		   /* watched sessions may exceed the limit by this part of it */
#define DISK_FREE_PART 20	   /* of the disk stays free of what people add, */
#define DISK_FREE_MAX (256u << 20) /* or as many bytes */

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

void casebook_file_limit(struct casebook_file *file, uint64_t bytes)
{
	file->limit = bytes;
}

/* A statement that stays prepared: CLEANUP(sql_resetp). `text` must live for ever. */
static int prepare_kept(struct casebook_file *file, const char *text, sqlite3_stmt **ret)
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

static void sql_resetp(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

int casebook_file_bytes(struct casebook_file *file, uint64_t *ret)
{
	int64_t pages, free_pages;
	int changes = sqlite3_total_changes(file->db), r;

	/* Every GetStatus asks. */
	if (file->bytes == 0 || changes != file->bytes_changes) {
		r = sql_number(file->db, "PRAGMA page_count", &pages);
		if (r == 0)
			r = sql_number(file->db, "PRAGMA freelist_count", &free_pages);
		if (r < 0)
			return r;
		file->bytes = (uint64_t)((pages - free_pages) * file->page_bytes);
		file->bytes_changes = changes;
	}
	*ret = file->bytes;
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

/* Other programs need the rest of the disk, and so does a restore. */
static bool is_disk_full(struct casebook_file *file)
{
	struct statvfs disk;
	uint64_t size, left;

	if (statvfs(sqlite3_db_filename(file->db, NULL), &disk) < 0)
		return false;
	size = (uint64_t)disk.f_blocks * disk.f_frsize;
	left = (uint64_t)disk.f_bavail * disk.f_frsize;
	return left < DISK_FREE_MAX && left < size / DISK_FREE_PART;
}

int casebook_file_room(struct casebook_file *file)
{
	uint64_t bytes = 0;
	int r = casebook_file_bytes(file, &bytes);

	if (r < 0)
		return r;
	if (file->limit && bytes >= file->limit)
		return CASEBOOK_FULL;
	return is_disk_full(file) ? -ENOSPC : 0;
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

void casebook_file_take_reserve(struct casebook_file *file)
{
	CLEANUP(closep)
	int fd = open(file->reserve, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	for (off_t bytes = RESERVE_BYTES; bytes >= RESERVE_BYTES_MIN; bytes /= 2)
		if (posix_fallocate(fd, 0, bytes) == 0)
			return;
	(void)unlink(file->reserve);
}

void casebook_file_use_reserve(struct casebook_file *file)
{
	(void)unlink(file->reserve);
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

int casebook_file_kept(
	struct casebook_file *file, const struct uuid *session, struct casebook_kept *ret)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *query = NULL;
	int r = sql_prepare(file->db,
		"SELECT EXISTS (SELECT 1 FROM attempts WHERE id = ?1),"
		" (SELECT last FROM records WHERE attempt = ?1 ORDER BY first DESC LIMIT 1)",
		&query);

	if (r < 0)
		return r;
	sql_bind_uuid(query, 1, session);
	r = sqlite3_step(query);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	ret->sealed = sqlite3_column_int(query, 0);
	ret->last_sequence = (uint64_t)sqlite3_column_int64(query, 1);
	return 0;
}

/* Deletes what was stored first. Returns the number of rows, or a negative errno. */
static int delete_oldest(struct casebook_file *file)
{
	static const char *const texts[] = {
		"DELETE FROM records WHERE number IN"
		" (SELECT number FROM records ORDER BY kept_us LIMIT ?1)",
		"DELETE FROM attempts WHERE number IN"
		" (SELECT number FROM attempts ORDER BY number LIMIT ?1)",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;

		r = sql_prepare(file->db, texts[i], &statement);
		if (r < 0)
			return r;
		sqlite3_bind_int(statement, 1, OLDEST_ROWS);
		r = sql_finish(statement);
		if (r == 0)
			r = sqlite3_changes(file->db);
	}
	return r;
}

/* Makes room for a watched session, in its transaction. */
static int make_room(struct casebook_file *file)
{
	uint64_t bytes = 0, most = file->limit + file->limit / WATCHED_PART;
	int r = file->limit ? casebook_file_bytes(file, &bytes) : 0;

	for (int i = 0; r >= 0 && bytes > most && i < OLDEST_TURNS; i++) {
		r = delete_oldest(file);
		if (r == 0)
			break;
		if (r > 0)
			r = casebook_file_bytes(file, &bytes);
	}
	return r < 0 ? r : 0;
}

/* If a log never ends, keeps its first run, which shows its start, and its newest ones. */
static int drop_middle(struct casebook_file *file, const struct uuid *session)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	int r = prepare_kept(file,
		"DELETE FROM records WHERE number = (SELECT number FROM records"
		" WHERE attempt = ?1 ORDER BY first LIMIT 1 OFFSET 1)"
		" AND (SELECT count(*) FROM records WHERE attempt = ?1) > ?2",
		&statement);

	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, session);
	sqlite3_bind_int(statement, 2, CASEBOOK_SESSION_BYTES / RECORD_RUN_BYTES);
	return sql_finish(statement);
}

static int insert_run(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	size_t size = record_run_bound(run->length);
	CLEANUP(freep) uint8_t *packed = malloc(size);
	int length, r;

	if (!packed)
		return -ENOMEM;
	length = record_run_pack(run->bytes, run->length, packed, size);
	if (length < 0)
		return length;
	r = prepare_kept(file,
		"INSERT INTO records (attempt, first, last, kept_us, packed)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
		&statement);
	if (r < 0)
		return r;
	sql_bind_uuid(statement, 1, session);
	sqlite3_bind_int64(statement, 2, (int64_t)run->first);
	sqlite3_bind_int64(statement, 3, (int64_t)run->last);
	sqlite3_bind_int64(statement, 4, (int64_t)now.wall_us);
	sqlite3_bind_blob(statement, 5, packed, length, SQLITE_STATIC);
	r = sql_finish(statement);
	return r < 0 ? r : drop_middle(file, session);
}

int casebook_file_keep(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run)
{
	int r = casebook_file_enter(file);

	if (r < 0)
		return r;
	r = make_room(file);
	return casebook_file_leave(file, r < 0 ? r : insert_run(file, now, session, run));
}

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

	if (prepare_kept(file, "SELECT 1 FROM corrections WHERE attempt = ?1 LIMIT 1", &query) < 0)
		return true;
	sql_bind_uuid(query, 1, attempt);
	return sqlite3_step(query) != SQLITE_DONE;
}

/* A copy of the attempt with all of its corrections. */
static int settle(
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

#define ATTEMPT_INSERT                                                                             \
	"INSERT INTO attempts (ecid, udid, id, origin, product, started_us, ended_us, host, port," \
	" cable, outcome, told, tool, link_errors, link_bytes, link_ms, host_id, tool_log,"        \
	" tool_user, ticket, slot, writer, revision) VALUES (?1, ?2, ?3, ?4, ?5,"                  \
	" ifnull(?24, ?6), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, "    \
	"?21, ?22, ?23)"

#define ATTEMPT_REPLACE                                                                            \
	ATTEMPT_INSERT                                                                             \
	" ON CONFLICT (id) DO UPDATE SET ecid = ?1, udid = ?2, product = ?5,"                      \
	" started_us = ifnull(?24, started_us), ended_us = ?7, host = ?8, port = ?9, cable = "     \
	"?10, outcome = ?11, told = ?12,"                                                          \
	" tool = ?13, link_errors = ?14, link_bytes = ?15, link_ms = ?16, host_id = ?17,"          \
	" ticket = ?20, slot = ?21," /* A case file, from which a seal may be made, has no path.   \
				      */                                                           \
	" tool_log = ifnull(?18, tool_log), tool_user = ifnull(?19, tool_user)"

/* This bench writes it, unless it comes from a case file of another computer. */
static const char *writer_of(const struct casebook_file *file, const struct casebook_seal *seal)
{
	const char *host_id = seal->attempt->host_id;

	if (seal->written)
		return seal->written->writer;
	return text_equal(seal->origin, ORIGIN_TOLD) && host_id[0] &&
			       !text_equal(host_id, file->host_id)
		       ? NULL
		       : file->host_id;
}

static void bind_attempt(sqlite3_stmt *statement, const struct triage_case *c,
	const struct casebook_seal *seal, struct stamp now)
{
	const struct attempt *attempt = c->attempts[0];
	uint64_t started = attempt->started.wall_us;

	if (!started && seal->written)
		started = seal->written->started_us;
	sql_bind_phone(statement, &c->identity);
	sql_bind_uuid(statement, 3, &attempt->id);
	sql_bind_text(statement, 4, seal->origin);
	sql_bind_text(statement, 5, c->identity.product);
	sqlite3_bind_int64(statement, 6, (int64_t)now.wall_us);
	if (started)
		sqlite3_bind_int64(statement, 24, (int64_t)started);
	sqlite3_bind_int64(statement, 7, (int64_t)attempt->ended.wall_us);
	sql_bind_text(statement, 8, attempt->host);
	sql_bind_text(statement, 9, attempt->port);
	sql_bind_text(statement, 10, attempt_condition(attempt, "cable"));
	sql_bind_text(statement, 11, outcome_name(attempt->outcome));
	sqlite3_bind_int64(statement, 14, attempt->health.link_errors);
	sqlite3_bind_int64(statement, 15, (int64_t)attempt->health.link_bytes);
	sqlite3_bind_int64(statement, 16, (int64_t)attempt->health.link_ms);
	sql_bind_text(statement, 17, attempt->host_id);
	sql_bind_text(statement, 18, attempt->tool_log);
	if (attempt->tool_log[0])
		sqlite3_bind_int64(statement, 19, attempt->tool_user);
	sql_bind_text(statement, 20, attempt->ticket);
	sql_bind_text(statement, 21, attempt_condition(attempt, "portName"));
}

/* Returns 1 if a row was written, 0 if it already existed and is unchanged. */
static int put_attempt(struct casebook_file *file, struct stamp now, const char *text,
	const struct casebook_seal *seal)
{
	CLEANUP(sql_resetp) sqlite3_stmt *statement = NULL;
	CLEANUP(triage_case_freep) struct triage_case *settled = NULL;
	CLEANUP(freep) char *told = NULL;
	struct attempt *attempt = (struct attempt *)seal->attempt;
	const struct triage_case plain = {
		.identity = *seal->identity, .attempts = &attempt, .attempt_count = 1};
	const struct triage_case *c = &plain;
	char tool[2 * NAME_SIZE];
	int r = put_corrections(file, seal);

	if (r == 0 && has_corrections(file, &attempt->id)) {
		r = settle(file, seal, &settled);
		c = settled;
	}
	if (r == 0)
		r = casefile_write(c, CASEFILE_REVEAL, &told);
	if (r == 0)
		r = prepare_kept(file, text, &statement);
	if (r < 0)
		return r;
	bind_attempt(statement, c, seal, now);
	sql_bind_text(statement, 12, told);
	snprintf(tool, sizeof(tool), "%s%s%s", c->attempts[0]->tool,
		c->attempts[0]->version[0] ? " " : "", c->attempts[0]->version);
	sql_bind_text(statement, 13, tool);
	sql_bind_text(statement, 22, writer_of(file, seal));
	sqlite3_bind_int64(statement, 23, seal->written ? (int64_t)seal->written->revision : 0);
	r = sql_finish(statement);
	return r < 0 ? r : sqlite3_changes(file->db) > 0;
}

int casebook_file_put(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	int r = put_attempt(file, now,
		seal->written ? ATTEMPT_REPLACE ", origin = ?4, writer = ?22, revision = ?23"
			      : ATTEMPT_REPLACE,
		seal);

	return r < 0 ? r : 0;
}

/* One transaction. Returns 1 if the attempt was written, 0 if it already existed and is
 * unchanged. */
static int put_seal(struct casebook_file *file, struct stamp now, const char *text,
	const struct casebook_seal *seal)
{
	int written = 0, r = casebook_file_enter(file);

	if (r < 0)
		return r;
	r = make_room(file);
	if (r == 0)
		written = r = put_attempt(file, now, text, seal);
	if (r > 0 && seal->run.length > 0)
		r = insert_run(file, now, &seal->attempt->id, &seal->run);
	r = casebook_file_leave(file, r);
	return r < 0 ? r : written;
}

int casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	int r = put_seal(file, now, ATTEMPT_REPLACE, seal);

	return r < 0 ? r : 0;
}

int casebook_file_add(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	return put_seal(file, now, ATTEMPT_INSERT " ON CONFLICT (id) DO NOTHING", seal);
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

int casebook_file_note(
	struct casebook_file *file, const struct identity *identity, const struct note *note)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(file->db,
		"INSERT INTO notes (ecid, udid, id, at_us, kind, text, amends, by)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE ?7 IS NOT NULL"
		" OR ?5 <> '" NOTE_HISTORY "'"
		" OR NOT EXISTS (SELECT 1 FROM notes AS same WHERE (ecid = ?1 OR udid = ?2)"
		" AND kind = ?5 AND text = ?6 AND (?9 OR NOT EXISTS"
		" (SELECT 1 FROM notes AS later WHERE later.amends = same.id OR"
		" (later.amends = same.amends AND (later.at_us, later.id) > (same.at_us,"
		" same.id)))))",
		&statement);

	if (r < 0)
		return r;
	sql_bind_phone(statement, identity);
	sql_bind_uuid(statement, 3, &note->id);
	sqlite3_bind_int64(statement, 4, (int64_t)note->at_us);
	sql_bind_text(statement, 5, note->kind);
	sqlite3_bind_text(statement, 6, note->text, -1, SQLITE_STATIC);
	if (!uuid_is_none(&note->amends))
		sql_bind_uuid(statement, 7, &note->amends);
	sql_bind_text(statement, 8, note->by);
	/* A word that somebody took back is not imported again. */
	sqlite3_bind_int(statement, 9, !note->by);
	return sql_finish(statement);
}

int casebook_file_condition(struct casebook_file *file, struct stamp now, const char *place,
	const char *key, const char *value)
{
	CLEANUP(sql_finalizep) sqlite3_stmt *statement = NULL;
	struct uuid id = uuid_make(now);
	/* Later than what it replaces, even if that was set by a clock that is ahead. */
	int r = sql_prepare(file->db,
		"INSERT INTO conditions (place, key, id, at_us, value, writer)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (host_id, place, key)"
		" DO UPDATE SET id = ?3, at_us = max(?4, at_us + 1), value = ?5, writer = ?6"
		" WHERE value <> ?5",
		&statement);

	if (r < 0)
		return r;
	sql_bind_text(statement, 1, place);
	sql_bind_text(statement, 2, key);
	sql_bind_uuid(statement, 3, &id);
	sqlite3_bind_int64(statement, 4, (int64_t)now.wall_us);
	sqlite3_bind_text(statement, 5, value ? value : "", -1, SQLITE_STATIC);
	sql_bind_text(statement, 6, file->host_id);
	return sql_finish(statement);
}
