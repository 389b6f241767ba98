/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a casebook may store, and the room that it holds ready on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/macro.h"
#include "common/store/file_private.h"
#include "common/store/sql.h"

#define RESERVE_BYTES (4u << 20)
#define RESERVE_BYTES_MIN (64u << 10) /* less is of no use */
/* Rows deleted at a time beyond the limit of bytes, where each run makes room for itself. */
#define OLDEST_ROWS 8
#define OLDEST_TURNS 8
#define WATCHED_PART 4		   /* watched sessions may exceed the limit by this part of it */
#define DISK_FREE_PART 20	   /* of the disk stays free of what people add, */
#define DISK_FREE_MAX (256u << 20) /* or as many bytes */

void casebook_file_limit(struct casebook_file *file, uint64_t bytes)
{
	file->limit = bytes;
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

int casebook_file_make_room(struct casebook_file *file)
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
