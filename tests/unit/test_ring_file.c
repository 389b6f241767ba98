/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/store/disk_sync.h"
#include "common/store/ring_map.h"
#include "tests/unit/test.h"
#include "tests/unit/ring_verify.h"

#define SIZE (2 * RING_PAGE_BYTES + RING_ARENA_MIN)
#define EXIT_SKIPPED 77

static const struct stamp now = {.monotonic_us = 5, .wall_us = 1700000000000000};

struct fixture {
	char folder[64];
	char path[96];
	char aside[96];
	char draft[96];
	char lock[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/ring-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/ring", f->folder);
	snprintf(f->aside, sizeof(f->aside), "%s/ring.bad", f->folder);
	snprintf(f->draft, sizeof(f->draft), "%s/ring.new", f->folder);
	snprintf(f->lock, sizeof(f->lock), "%s/ring.lock", f->folder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	(void)unlink(f->aside);
	(void)unlink(f->draft);
	(void)unlink(f->lock);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static struct ring_file *open_ring(
	struct fixture *f, uint64_t size, struct ring_file_report *ret_report)
{
	struct ring_file *file = NULL;

	assert_int_equal(ring_file_open(f->path, size, now, ret_report, &file), 0);
	assert_non_null(file);
	return file;
}

static int64_t append(struct ring_file *file, unsigned count)
{
	struct ring_fields fields = {.at = now, .kind = 1};
	int64_t sequence = 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t next = ring_file_ring(file)->next_sequence;

		sequence = ring_append(ring_file_ring(file), &fields, &next, sizeof(next));
		assert_int_equal(sequence, next);
	}
	return sequence;
}

/* Walks with a map of its own, as the client does. Returns the number of records. */
static unsigned count_records(struct fixture *f, uint64_t *ret_last)
{
	struct ring_map *map = NULL;
	struct ring_cursor cursor;
	struct ring_record record;
	unsigned count = 0;

	*ret_last = 0;
	assert_int_equal(ring_map_open(f->path, &map), 0);
	ring_cursor_first(&cursor, ring_map_reader(map));
	while (ring_cursor_next(&cursor, &record) > 0) {
		assert_int_equal(record.length, sizeof(uint64_t));
		assert_memory_equal(record.payload, &record.sequence, sizeof(uint64_t));
		*ret_last = record.sequence;
		count++;
	}
	assert_int_equal(cursor.loss.lost + cursor.loss.damaged, 0);
	ring_map_free(map);
	return count;
}

static int64_t good_records(const struct ring_file *file)
{
	struct ring_loss loss;

	return ring_verify(ring_file_reader(file), &loss);
}

static void creates_and_reopens(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);
	struct stat status;
	uint64_t last;

	assert_int_equal(report.origin, RING_FILE_CREATED);
	assert_int_equal(append(file, 100), 100);
	assert_int_equal(count_records(f, &last), 100); /* the writer has it open */
	ring_file_free(file);
	assert_int_equal(count_records(f, &last), 100); /* nobody has */

	/* All blocks are there, so that no write can find the disk full. */
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_size, SIZE);
	assert_true(status.st_blocks * 512 >= SIZE);
	assert_int_equal(access(f->draft, F_OK), -1);

	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_OPENED);
	assert_int_equal(good_records(file), 100);
	assert_false(report.repair.identity || report.repair.bounds || report.repair.new_era);
	assert_int_equal(append(file, 1), 101);
	ring_file_free(file);
}

static void one_writer(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report), *second = NULL;

	assert_int_equal(ring_file_open(f->path, SIZE, now, &report, &second), -EBUSY);
	assert_null(second);
	assert_int_equal(append(file, 1), 1);
	ring_file_free(file);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(good_records(file), 1);
	ring_file_free(file);
}

/* Who may only read the ring can lock it too: this once kept the daemon from starting. */
static void lock_of_a_reader(void **state)
{
	struct fixture *f = *state;
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);
	struct ring_map *map = NULL;
	struct stat status;
	int fd;

	append(file, 1);
	ring_file_free(file);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(good_records(file), 1);
	assert_int_equal(stat(f->lock, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	/* Readers see the writer as soon as the lock is gone. */
	close(fd);
	assert_int_equal(ring_file_sync(file), 0);
	assert_int_equal(ring_map_open(f->path, &map), 0);
	assert_true(ring_map_has_writer(map));
	ring_map_free(map);
	ring_file_free(file);
}

static void overwrite(const char *path, off_t at, uint8_t value, size_t length)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(pwrite(fd, &value, 1, at + (off_t)i), 1);
}

static void sets_aside_what_is_no_ring(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);
	struct ring_map *map = NULL;
	uint64_t last;

	append(file, 10);
	ring_file_free(file);
	/* Both copies of the identity, but not the lease. */
	overwrite(f->path, 0, 0xee, 64);
	overwrite(f->path, SIZE - RING_PAGE_BYTES, 0xee, 64);
	assert_int_equal(ring_map_open(f->path, &map), -EBADMSG);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_SET_ASIDE);
	assert_int_equal(report.reason, -EBADMSG);
	assert_int_equal(access(f->aside, F_OK), 0);
	/* No number is given out again. */
	assert_true(append(file, 1) > 10);
	ring_file_free(file);
	assert_int_equal(count_records(f, &last), 1);

	/* Cut short, and empty. */
	assert_int_equal(truncate(f->path, SIZE / 2), 0);
	assert_int_equal(ring_map_open(f->path, &map), -EBADMSG);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_SET_ASIDE);
	ring_file_free(file);
	assert_int_equal(truncate(f->path, 0), 0);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_SET_ASIDE);
	ring_file_free(file);
}

static void repairs_and_tells(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_loss loss;
	struct ring_file *file = open_ring(f, SIZE, &report);

	append(file, 100);
	ring_file_free(file);
	overwrite(f->path, 9, 0xee, 1);				 /* version: the copy is good */
	overwrite(f->path, 128, 0xee, 16);			 /* head and tail */
	overwrite(f->path, RING_PAGE_BYTES + 64 * 50, 0xee, 64); /* record 51 */
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_OPENED);
	assert_true(report.repair.identity && report.repair.bounds);
	assert_int_equal(ring_verify(ring_file_reader(file), &loss), 99);
	assert_int_equal(loss.damaged, 1);
	assert_int_equal(loss.lost, 1);
	assert_int_equal(append(file, 1), 101);
	ring_file_free(file);
}

static void resizes(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);
	uint64_t last;
	unsigned count;

	append(file, 500);
	ring_file_free(file);
	file = open_ring(f, 4 * SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_RESIZED);
	assert_int_equal(good_records(file), 500);
	assert_int_equal(append(file, 3000), 3500);
	assert_int_equal(count_records(f, &last), 3500);
	ring_file_free(file);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_RESIZED);
	ring_file_free(file);
	count = count_records(f, &last);
	assert_int_equal(last, 3500);
	assert_int_equal(count, RING_ARENA_MIN / 64); /* the newest that fit */
	assert_int_equal(access(f->draft, F_OK), -1);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(append(file, 1), 3501);
	ring_file_free(file);
}

static void leftover_draft(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file;
	int fd;

	/* Killed while it made the file. */
	fd = open(f->draft, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	file = open_ring(f, SIZE, &report);
	assert_int_equal(report.origin, RING_FILE_CREATED);
	assert_int_equal(access(f->draft, F_OK), -1);
	ring_file_free(file);
}

static void syncs(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);

	for (unsigned i = 0; i < 50; i++) {
		append(file, 3);
		assert_int_equal(ring_file_sync(file), 0);
	}
	ring_file_free(file);
}

/* A sync that waits for the test. */
struct slow_disk {
	sem_t began, may_end;
};

static int sync_slowly(void *user)
{
	struct slow_disk *disk = user;

	sem_post(&disk->began);
	sem_wait(&disk->may_end);
	return 0;
}

static void await(sem_t *semaphore)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 20;
	assert_int_equal(sem_timedwait(semaphore, &limit), 0);
}

/* What was written while a sync ran was synced with the next write only. */
static void a_sync_follows_what_came_during_one(void **state)
{
	struct slow_disk disk;
	struct disk_sync *sync;

	sem_init(&disk.began, 0, 0);
	sem_init(&disk.may_end, 0, 0);
	assert_int_equal(disk_sync_new(sync_slowly, &disk, &sync), 0);
	disk_sync_start(sync);
	await(&disk.began);
	disk_sync_start(sync);
	sem_post(&disk.may_end);
	await(&disk.began);
	sem_post(&disk.may_end);
	disk_sync_free(sync);
	sem_destroy(&disk.began);
	sem_destroy(&disk.may_end);
}

/* What the mappings of a file take of this process's memory. */
static unsigned long resident_kib(const char *path)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long kib = 0, part, end;
	bool of_file = false;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &part, &end) == 2)
			of_file = strstr(line, path) != NULL;
		if (of_file && sscanf(line, "Rss: %lu", &part) == 1)
			kib += part;
	}
	fclose(maps);
	return kib;
}

static void idle_ring_takes_no_memory(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = open_ring(f, SIZE, &report);
	uint64_t deadline_us = clock_now().monotonic_us + 20 * USEC_PER_SEC;
	struct ring_loss loss;

	append(file, 100);
	assert_true(resident_kib(f->path) > 0);
	do {
		assert_int_equal(ring_file_sync(file), 0);
		assert_true(clock_now().monotonic_us < deadline_us);
	} while (ring_file_syncs(file));
	assert_int_equal(resident_kib(f->path), 0);
	assert_int_equal(append(file, 1), 101);
	assert_int_equal(ring_verify(ring_file_reader(file), &loss), 101);
	ring_file_free(file);
}

static void in_memory(void **state)
{
	struct ring_file *file = NULL;
	struct ring_loss loss;

	assert_int_equal(ring_file_open_memory(100, now, &file), -EINVAL);
	assert_int_equal(ring_file_open_memory(SIZE, now, &file), 0);
	assert_int_equal(append(file, 100), 100);
	assert_int_equal(ring_verify(ring_file_reader(file), &loss), 100);
	assert_int_equal(ring_file_sync(file), 0);
	ring_file_free(file);
}

static void refuses(void **state)
{
	struct fixture *f = *state;
	struct ring_file_report report;
	struct ring_file *file = NULL;
	struct ring_map *map = NULL;

	assert_int_equal(ring_file_open(f->path, SIZE - 4096, now, &report, &file), -EINVAL);
	assert_int_equal(ring_file_open(f->path, SIZE + 1, now, &report, &file), -EINVAL);
	assert_int_equal(ring_map_open(f->path, &map), -ENOENT);
	assert_int_equal(ring_map_open(f->folder, &map), -EINVAL);
	assert_int_equal(ring_map_open("/dev/null", &map), -EINVAL);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(ring_map_open(f->path, &map), -EINVAL);
	assert_int_equal(ring_file_open(f->path, SIZE, now, &report, &file), -EINVAL);
	assert_null(file);
}

/* In a mount namespace of its own: a disk with room for one small ring and no more. */
static int full_disk_child(struct fixture *f)
{
	struct ring_file_report report;
	struct ring_file *file = NULL;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", f->folder, "tmpfs", 0, "size=160k") < 0)
		return EXIT_SKIPPED;
	if (ring_file_open(f->path, 16 * SIZE, now, &report, &file) != -ENOSPC)
		return 1;
	if (access(f->path, F_OK) == 0 || access(f->draft, F_OK) == 0)
		return 2;
	if (ring_file_open(f->path, SIZE, now, &report, &file) != 0)
		return 3;
	/* The rest of the disk is filled up; the ring has what it needs. */
	fd = open(f->aside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, f, sizeof(*f)) > 0)
		;
	close(fd);
	append(file, 5000);
	ring_file_free(file);
	/* It cannot grow, and stays as it is. */
	if (ring_file_open(f->path, 2 * SIZE, now, &report, &file) != 0)
		return 4;
	if (report.origin != RING_FILE_OPENED || report.reason != -ENOSPC ||
		good_records(file) < 900)
		return 5;
	append(file, 5000);
	ring_file_free(file);
	return 0;
}

/* As a program of its own ("test_ring_file full-disk"), whose status 77 the test runner knows as
 * skipped; a skipped case of TAP would count as failed. */
static int full_disk(void)
{
	void *state;
	int status;
	pid_t child;

	setup(&state);
	child = fork();
	if (child == 0)
		_exit(full_disk_child(state));
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		status = 1 << 8;
	teardown(&state);
	return WEXITSTATUS(status);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(creates_and_reopens),
		CASE(one_writer),
		CASE(lock_of_a_reader),
		CASE(sets_aside_what_is_no_ring),
		CASE(repairs_and_tells),
		CASE(resizes),
		CASE(leftover_draft),
		CASE(syncs),
		CASE(a_sync_follows_what_came_during_one),
		CASE(idle_ring_takes_no_memory),
		CASE(in_memory),
		CASE(refuses),
	};

	if (argc == 2 && strcmp(argv[1], "full-disk") == 0)
		return full_disk();
	return cmocka_run_group_tests_name("ring_file", tests, NULL, NULL);
}
