/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/ring_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/store/ring_map.h"
#include "common/base/file.h"
#include "common/store/disk_sync.h"

#define FILE_MODE 0640
#define LOCK_MODE 0600 /* who can open a file can lock it: those who may read the ring must not */
#define ZERO_BYTES (256 * 1024)

struct ring_file {
	int fd;	    /* -1: only in memory */
	int lock;   /* of PATH.lock: the writer's; -1: none */
	bool shown; /* readers see by the lock on the ring itself that it has a writer */
	void *bytes;
	uint64_t size;
	struct ring ring;
	struct ring_reader reader;
	struct disk_sync *sync; /* NULL: only in memory */
	uint64_t synced_next;	/* next sequence at the last sync request */
	bool syncs;		/* the end of that sync was not seen yet */
};

/* The kernel's boot id (random(4)); none if it is unreadable. */
static struct uuid read_boot_id(void)
{
	CLEANUP(closep) int fd = -1;
	char text[UUID_TEXT_SIZE] = "";
	struct uuid boot = {{0}};

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) == sizeof(text) - 1)
		(void)uuid_parse(text, &boot);
	return boot;
}

static int sync_ring(void *user)
{
	const struct ring_file *file = user;

	return fdatasync(file->fd) < 0 ? -errno : 0;
}

/* Allocates the blocks on disk by writing them, not only by reserving them: a later fdatasync()
 * then has no metadata to write and does not wait for the file system's journal. */
static int allocate(int fd, uint64_t size)
{
	CLEANUP(freep) char *zeros = calloc(1, ZERO_BYTES);
	int flags = 0, r;

	if (!zeros)
		return -ENOMEM;

	/* On btrfs, copy-on-write could still run out of disk space. */
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NOCOW_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	r = posix_fallocate(fd, 0, (off_t)size);
	if (r != 0)
		return -r;
	for (uint64_t at = 0; at < size;) {
		size_t part = size - at < ZERO_BYTES ? (size_t)(size - at) : ZERO_BYTES;
		ssize_t written = pwrite(fd, zeros, part, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += (uint64_t)written;
	}
	return 0;
}

static int suffixed(const char *path, const char *suffix, char out[static PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s%s", path, suffix) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Fills the empty, locked file `file->fd` with a new ring and opens it. */
static int format_file(struct ring_file *file, uint64_t size, struct stamp now, uint64_t first)
{
	struct uuid id = uuid_make(now), boot = read_boot_id();
	struct ring_repair repair;
	int r;

	r = allocate(file->fd, size);
	if (r < 0)
		return r;
	r = ring_bytes_map(file->fd, true, &file->bytes, &file->size);
	if (r < 0)
		return r;
	r = ring_format(file->bytes, file->size, &id, now, first);
	if (r < 0)
		return r;
	return ring_open(&file->ring, file->bytes, file->size, &boot, &repair);
}

/* Takes the lock that makes this the only writer. */
static int lock_writer(const char *path, int *ret)
{
	CLEANUP(closep) int fd = -1;
	char name[PATH_MAX];
	int r = suffixed(path, ".lock", name);

	if (r < 0)
		return r;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, LOCK_MODE);
	if (fd < 0)
		return -errno;
	r = ring_lock(fd);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

/* The lock file may have gone with its folder. */
static int keep_lock(struct ring_file *file, const char *path)
{
	struct stat ours, named;
	char name[PATH_MAX];
	int lock = -1, r = suffixed(path, ".lock", name);

	if (r == 0 && fstat(file->lock, &ours) == 0 && stat(name, &named) == 0 &&
		ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
		return 0;
	if (r == 0)
		r = lock_writer(path, &lock);
	if (r < 0)
		return r;
	close(file->lock);
	file->lock = lock;
	return 0;
}

/* Shows readers that the ring has a writer. A reader's own lock can prevent it. */
static void show_writer(struct ring_file *file)
{
	if (!file->shown)
		file->shown = ring_lock(file->fd) == 0;
}

/* Creates PATH.new. If the function that fills it fails, its name is deleted. */
static int create_draft(struct ring_file *file, const char *path, uint64_t size, struct stamp now,
	uint64_t first, char draft[static PATH_MAX])
{
	int r;

	r = suffixed(path, ".new", draft);
	if (r < 0)
		return r;
	file->fd = open(draft, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (file->fd < 0)
		return -errno;
	show_writer(file);
	if (ftruncate(file->fd, 0) < 0)
		r = -errno;
	else
		r = format_file(file, size, now, first);
	if (r < 0)
		(void)unlink(draft);
	return r;
}

/* Renames a file if the new name is free; -EEXIST if it is not. */
static int rename_new(const char *draft, const char *path)
{
	if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* Some file systems do not support the flag. */
	if (errno != EINVAL || link(draft, path) < 0)
		return -errno;
	return unlink(draft) < 0 ? -errno : 0;
}

/* Moves a finished draft to its final name. */
static int publish(struct ring_file *file, const char *draft, const char *path, bool replace)
{
	int r;

	if (fdatasync(file->fd) < 0)
		r = -errno;
	else if (replace)
		r = rename(draft, path) < 0 ? -errno : 0;
	else
		r = rename_new(draft, path);
	if (r < 0) {
		(void)unlink(draft);
		return r;
	}
	return file_sync_name(path);
}

static struct ring_file *file_new(void)
{
	struct ring_file *file = calloc(1, sizeof(*file));

	if (file)
		file->fd = file->lock = -1;
	return file;
}

static int file_create(const char *path, uint64_t size, struct stamp now, struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = file_new();
	char draft[PATH_MAX];
	int r;

	if (!file)
		return -ENOMEM;
	r = create_draft(file, path, size, now, 1, draft);
	if (r < 0)
		return r;
	r = publish(file, draft, path, false);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

/* Renames the unusable file and creates a new one. The new one is
 * completed first: on a full disk the old one stays in place, with the sequences that it
 * assigned. */
static int set_aside(struct ring_file *bad, const char *path, uint64_t size, struct stamp now,
	struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = file_new();
	char draft[PATH_MAX], aside[PATH_MAX];
	uint64_t first = bad->bytes ? ring_first_after(bad->bytes, bad->size) : 1;
	int r;

	if (!file)
		return -ENOMEM;
	r = suffixed(path, ".bad", aside);
	if (r < 0)
		return r;
	r = create_draft(file, path, size, now, first, draft);
	if (r < 0)
		return r;
	if (rename(path, aside) < 0) {
		r = -errno;
		(void)unlink(draft);
		return r;
	}
	r = publish(file, draft, path, false);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

static int copy_records(const struct ring_reader *from, struct ring *to)
{
	struct ring_cursor cursor;
	struct ring_record record;
	int r;

	ring_cursor_first(&cursor, from);
	while ((r = ring_cursor_next(&cursor, &record)) > 0) {
		r = ring_import(to, &record);
		if (r < 0)
			return r;
	}
	return r;
}

/* Copies the newest records to a file of another size, which replaces the old one. */
static int resize(struct ring_file *old, const char *path, uint64_t size, struct stamp now,
	struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = file_new();
	struct ring_reader reader;
	char draft[PATH_MAX];
	int r;

	if (!file)
		return -ENOMEM;
	r = ring_reader_init(&reader, old->bytes, old->size, true);
	if (r < 0)
		return r;
	r = create_draft(file, path, size, now, ring_reader_extent(&reader).tail_sequence, draft);
	if (r < 0)
		return r;
	r = copy_records(&reader, &file->ring);
	if (r < 0) {
		(void)unlink(draft);
		return r;
	}
	ring_skip_to(&file->ring, old->ring.next_sequence);
	r = publish(file, draft, path, true);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

/* Opens the existing file. Returns -EBADMSG or -EPROTONOSUPPORT if it is unusable, with its bytes
 * mapped if possible. */
static int file_load(struct ring_file *file, struct ring_repair *ret_repair)
{
	struct uuid boot = read_boot_id();
	int r;

	r = ring_bytes_map(file->fd, true, &file->bytes, &file->size);
	if (r < 0)
		return r;
	/* A copy of a ring may have holes. */
	r = posix_fallocate(file->fd, 0, (off_t)file->size);
	if (r != 0)
		return -r;
	r = ring_open(&file->ring, file->bytes, file->size, &boot, ret_repair);
	if (r < 0)
		return r;
	/* Before the first append: guarantees that no sequence is assigned twice. */
	return fdatasync(file->fd) < 0 ? -errno : 0;
}

/* Opens or creates the file. */
static int file_obtain(const char *path, uint64_t size, struct stamp now,
	struct ring_file_report *report, struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = file_new();
	int r;

	if (!file)
		return -ENOMEM;
	file->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file->fd < 0 && errno == ENOENT) {
		report->origin = RING_FILE_CREATED;
		r = file_create(path, size, now, ret);
		/* It does not exist and cannot be created: a dangling link. */
		return r == -EEXIST ? -ENOENT : r;
	}
	if (file->fd < 0)
		return -errno;
	show_writer(file);
	r = file_load(file, &report->repair);
	if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
		report->origin = RING_FILE_SET_ASIDE;
		report->reason = r;
		return set_aside(file, path, size, now, ret);
	}
	if (r < 0)
		return r;
	report->origin = RING_FILE_OPENED;
	if (file->size != size) {
		report->reason = resize(file, path, size, now, ret);
		if (report->reason == 0) {
			report->origin = RING_FILE_RESIZED;
			return 0;
		}
	}
	*ret = TAKE_PTR(file);
	return 0;
}

int ring_file_open(const char *path, uint64_t size, struct stamp now,
	struct ring_file_report *ret_report, struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = NULL;
	struct ring_file_report report = {0};
	CLEANUP(closep) int lock = -1;
	int r;

	assert(path && ret_report && ret);
	if (size < 2 * RING_PAGE_BYTES + RING_ARENA_MIN || size % RING_PAGE_BYTES != 0 ||
		size > RING_BYTES_MAX)
		return -EINVAL;
	r = lock_writer(path, &lock);
	if (r == 0)
		r = file_obtain(path, size, now, &report, &file);
	if (r < 0)
		return r;
	file->lock = TAKE_FD(lock);
	r = ring_reader_init(&file->reader, file->bytes, file->size, true);
	if (r < 0)
		return r;
	r = disk_sync_new(sync_ring, file, &file->sync);
	if (r < 0)
		return r;
	sigbus_guard_start(file->bytes, file->size);
	file->synced_next = file->ring.next_sequence;
	*ret_report = report;
	*ret = TAKE_PTR(file);
	return 0;
}

int ring_file_open_memory(uint64_t size, struct stamp now, struct ring_file **ret)
{
	CLEANUP(ring_file_freep) struct ring_file *file = file_new();
	struct uuid id = uuid_make(now), boot = {{0}};
	struct ring_repair repair;
	int r;

	if (!file)
		return -ENOMEM;
	if (size > RING_BYTES_MAX)
		return -EINVAL;
	file->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file->bytes == MAP_FAILED) {
		file->bytes = NULL;
		return -errno;
	}
	file->size = size;
	r = ring_format(file->bytes, size, &id, now, 1);
	if (r < 0)
		return r;
	r = ring_open(&file->ring, file->bytes, size, &boot, &repair);
	if (r < 0)
		return r;
	r = ring_reader_init(&file->reader, file->bytes, size, true);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

struct ring_file *ring_file_free(struct ring_file *file)
{
	if (!file)
		return NULL;
	if (file->sync) {
		disk_sync_free(file->sync);
		if (fdatasync(file->fd) == 0) {
			ring_close(&file->ring);
			(void)fdatasync(file->fd);
		}
		sigbus_guard_stop();
	}
	if (file->bytes)
		munmap(file->bytes, file->size);
	if (file->fd >= 0)
		close(file->fd);
	if (file->lock >= 0)
		close(file->lock);
	free(file);
	return NULL;
}

struct ring *ring_file_ring(struct ring_file *file)
{
	return &file->ring;
}

const struct ring_reader *ring_file_reader(const struct ring_file *file)
{
	return &file->reader;
}

/* Leaves the bytes to the kernel's cache of the file. A page that replaced a lost one is nowhere
 * else. */
static void give_back_memory(struct ring_file *file)
{
	if (!sigbus_guard_broke())
		(void)madvise(file->bytes, file->size, MADV_DONTNEED);
}

int ring_file_sync(struct ring_file *file)
{
	int r;

	if (!file->sync)
		return 0;
	show_writer(file);
	r = disk_sync_result(file->sync);
	if (r == -EINPROGRESS)
		return 0;
	file->syncs = r < 0 || file->synced_next != file->ring.next_sequence;
	if (file->syncs) {
		file->synced_next = file->ring.next_sequence;
		disk_sync_start(file->sync);
	} else {
		give_back_memory(file);
	}
	return r;
}

int ring_file_sync_now(struct ring_file *file)
{
	return file->sync ? sync_ring(file) : 0;
}

bool ring_file_syncs(const struct ring_file *file)
{
	return file->syncs;
}

bool ring_file_hangs(struct ring_file *file, struct stamp now)
{
	return file->sync && disk_sync_hangs(file->sync, now);
}

/* Checks the file: 0 it is fine, -EIO pages are missing, -ENOENT its name is gone, -ESTALE another
 * file has its name. */
static int check_file(const struct ring_file *file, const char *path)
{
	struct stat ours, named;

	if (fstat(file->fd, &ours) < 0)
		return -errno;
	if (stat(path, &named) < 0)
		return -errno;
	if (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return -ESTALE;
	return sigbus_guard_broke() || (uint64_t)ours.st_size < file->size ? -EIO : 0;
}

/* Copies the records that are still readable, with their sequences. */
static void save_records(struct ring_file *from, struct ring_file *to)
{
	ring_store_bounds(&from->ring);
	(void)copy_records(&from->reader, &to->ring);
	ring_skip_to(&to->ring, from->ring.next_sequence);
}

/* Swaps the contents of `file` and `from`. */
static int take_over(struct ring_file *file, struct ring_file *from)
{
	struct ring_file old = *file;
	int r;

	/* The sync thread uses the old descriptor. */
	file->sync = disk_sync_free(file->sync);
	*file = *from;
	*from = old;
	file->lock = TAKE_FD(from->lock);
	from->sync = NULL;
	sigbus_guard_start(file->bytes, file->size);
	file->synced_next = file->ring.next_sequence;
	r = ring_reader_init(&file->reader, file->bytes, file->size, true);
	if (r == 0)
		r = disk_sync_new(sync_ring, file, &file->sync);
	return r;
}

int ring_file_mend(struct ring_file *file, const char *path, struct stamp now)
{
	CLEANUP(ring_file_freep) struct ring_file *new = NULL;
	char draft[PATH_MAX];
	int wrong, r;

	if (file->fd < 0)
		return 0;
	wrong = check_file(file, path);
	if (wrong == 0 || wrong == -ESTALE)
		return wrong;
	r = keep_lock(file, path);
	if (r < 0)
		return r;
	new = file_new();
	if (!new)
		return -ENOMEM;
	r = create_draft(new, path, file->size, now, file->ring.tail_sequence, draft);
	if (r < 0)
		return r;
	save_records(file, new);
	/* If the name is gone, a file that appears there meanwhile stays. */
	r = publish(new, draft, path, wrong != -ENOENT);
	if (r == 0)
		r = take_over(file, new);
	return r < 0 ? r : 1;
}
