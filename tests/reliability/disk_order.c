/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LD_PRELOAD: records in which order a process writes to the files of a folder (CUTS_FOLDER), and
 * what it syncs, into a trace (CUTS_TRACE); cuts.py replays it. Of shared mappings it records each
 * sector that changed, at each other step and many times a second: the kernel may write a page at
 * any time. CUTS_BOOT is a file that stands for the kernel's boot id. */
#include "tests/preload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512
#define FDS 1024
#define MAPS 64
#define FILES 1024
#define SAMPLE_NS (200 * 1000)
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* cuts.py knows the layout, and the letters. */
struct step {
	uint8_t kind;
	uint8_t unused[3];
	uint32_t file; /* 0 = the folder */
	uint64_t time_us;
	uint64_t offset;
	uint64_t length; /* of what follows it */
};

/* An open file; the same file twice has one number. */
struct file {
	ino_t inode;
	uint64_t size;
	uint32_t number;
};

struct map {
	uint8_t *bytes, *shadow;
	size_t size;
	uint32_t file;
};

static int trace = -1;
static const char *folder;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES];
static size_t file_count;
static struct file *open_files[FDS];
static bool open_folders[FDS];
static struct map maps[MAPS];

static void forget(void)
{
	trace = -1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CUTS_TRACE");

	folder = getenv("CUTS_FOLDER");
	unsetenv("LD_PRELOAD");
	if (!path || !folder)
		return;
	trace = (int)syscall(
		SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pthread_atfork(NULL, NULL, forget);
}

static void put(uint8_t kind, uint32_t file, uint64_t offset, const void *data, size_t length)
{
	struct timespec now;
	struct step step = {.kind = kind, .file = file, .offset = offset, .length = length};

	clock_gettime(CLOCK_MONOTONIC, &now);
	step.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (syscall(SYS_write, trace, &step, sizeof(step)) != sizeof(step) ||
		(length > 0 && syscall(SYS_write, trace, data, length) != (long)length))
		abort();
}

static void put_changes(struct map *map)
{
	for (size_t at = 0; at + SECTOR <= map->size; at += SECTOR) {
		if (memcmp(map->shadow + at, map->bytes + at, SECTOR) == 0)
			continue;
		memcpy(map->shadow + at, map->bytes + at, SECTOR);
		put('W', map->file, at, map->shadow + at, SECTOR);
	}
}

static bool enter(void)
{
	if (trace < 0)
		return false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < MAPS; i++)
		if (maps[i].bytes)
			put_changes(&maps[i]);
	return true;
}

static void leave(void)
{
	int saved = errno;

	pthread_mutex_unlock(&lock);
	errno = saved;
}

static void *sample(void *unused)
{
	const struct timespec pause = {.tv_nsec = SAMPLE_NS};

	while (true) {
		nanosleep(&pause, NULL);
		if (enter())
			leave();
	}
	return NULL;
}

static void start_sampling(void)
{
	static bool samples;
	sigset_t all, before;
	pthread_t thread;

	if (samples)
		return;
	samples = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, sample, NULL) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct file *file_of(int fd)
{
	return fd >= 0 && fd < FDS ? open_files[fd] : NULL;
}

/* The name within the folder; NULL if it is elsewhere. */
static const char *name_in_folder(const char *path)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && path[length] == '/' && path[length + 1]
		       ? path + length + 1
		       : NULL;
}

static bool is_folder(const char *path)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 &&
	       (!path[length] || strcmp(path + length, "/") == 0);
}

static struct file *find_file(ino_t inode)
{
	for (size_t i = file_count; i > 0; i--)
		if (files[i - 1].inode == inode)
			return &files[i - 1];
	return NULL;
}

/* `is_new`: the name was not there before. */
static void opened(int fd, const char *name, bool is_new, int flags)
{
	struct file *file;
	struct stat about;

	if (fd >= FDS || fstat(fd, &about) < 0)
		abort();
	file = is_new ? NULL : find_file(about.st_ino);
	if (!file) {
		if (file_count == FILES)
			abort();
		file = &files[file_count++];
		*file = (struct file){about.st_ino, (uint64_t)about.st_size,
			(uint32_t)getpid() * FILES + (uint32_t)file_count};
		put(is_new ? 'C' : 'O', file->number, 0, name, strlen(name));
	}
	if (flags & O_TRUNC) {
		file->size = 0;
		put('T', file->number, 0, NULL, 0);
	}
	open_files[fd] = file;
}

static int open_recorded(const char *path, int flags, mode_t mode)
{
	const char *name, *boot = getenv("CUTS_BOOT");
	bool is_new;
	int fd;

	if (boot && strcmp(path, BOOT_ID) == 0)
		path = boot;
	if (trace < 0 || (!is_folder(path) && !name_in_folder(path)) || !enter())
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	name = name_in_folder(path);
	is_new = access(path, F_OK) < 0;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (fd >= 0 && name)
		opened(fd, name, is_new, flags);
	else if (fd >= 0 && fd < FDS)
		open_folders[fd] = true;
	leave();
	return fd;
}

OPEN(open, (const char *path, int flags, ...), open_recorded(path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), open_recorded(path, flags, mode))

int close(int fd)
{
	if (trace >= 0 && fd >= 0 && fd < FDS && (open_files[fd] || open_folders[fd]) && enter()) {
		open_files[fd] = NULL;
		open_folders[fd] = false;
		leave();
	}
	return (int)syscall(SYS_close, fd);
}

static void wrote(struct file *file, const void *data, size_t size, uint64_t offset)
{
	put('W', file->number, offset, data, size);
	if (offset + size > file->size)
		file->size = offset + size;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	struct file *file = file_of(fd);
	ssize_t n;

	if (!file || !enter())
		return syscall(SYS_pwrite64, fd, data, size, offset);
	n = syscall(SYS_pwrite64, fd, data, size, offset);
	if (n > 0)
		wrote(file, data, (size_t)n, (uint64_t)offset);
	leave();
	return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
	struct file *file = file_of(fd);
	uint64_t offset;
	ssize_t n;

	if (!file || !enter())
		return syscall(SYS_write, fd, data, size);
	offset = (uint64_t)lseek(fd, 0, SEEK_CUR);
	n = syscall(SYS_write, fd, data, size);
	if (n > 0)
		wrote(file, data, (size_t)n, offset);
	leave();
	return n;
}

int ftruncate(int fd, off_t size)
{
	struct file *file = file_of(fd);
	int r;

	if (!file || !enter())
		return (int)syscall(SYS_ftruncate, fd, size);
	r = (int)syscall(SYS_ftruncate, fd, size);
	if (r == 0) {
		file->size = (uint64_t)size;
		put('T', file->number, file->size, NULL, 0);
	}
	leave();
	return r;
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
	struct file *file = file_of(fd);
	int r = NEXT(posix_fallocate)(fd, offset, size);

	if (r != 0 || !file || !enter())
		return r;
	if ((uint64_t)(offset + size) > file->size) {
		file->size = (uint64_t)(offset + size);
		put('T', file->number, file->size, NULL, 0);
	}
	leave();
	return r;
}

/* What was written before it begins is on the disk when it has ended. */
static int sync_recorded(int fd, long call)
{
	struct file *file = file_of(fd);
	uint32_t number = file ? file->number : 0;
	int r;

	if (fd < 0 || fd >= FDS || (!file && !open_folders[fd]) || !enter())
		return (int)syscall(call, fd);
	put('S', number, (uint64_t)gettid(), NULL, 0);
	leave();
	r = (int)syscall(call, fd);
	if (r == 0 && enter()) {
		put('E', number, (uint64_t)gettid(), NULL, 0);
		leave();
	}
	return r;
}

int fsync(int fd)
{
	return sync_recorded(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_recorded(fd, SYS_fdatasync);
}

int unlink(const char *path)
{
	int r;

	if (trace < 0 || !name_in_folder(path) || !enter())
		return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	r = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	if (r == 0)
		put('U', 0, 0, name_in_folder(path), strlen(name_in_folder(path)));
	leave();
	return r;
}

static int rename_recorded(const char *from, const char *to, unsigned flags)
{
	char names[512];
	int r, length;

	if (trace < 0 || !name_in_folder(from) || !enter())
		return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
	r = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
	length = snprintf(names, sizeof(names), "%s/%s", name_in_folder(from), name_in_folder(to));
	if (r == 0)
		put('R', 0, 0, names, (size_t)length);
	leave();
	return r;
}

int rename(const char *from, const char *to)
{
	return rename_recorded(from, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	return rename_recorded(from, to, flags);
}

void *mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *bytes = (void *)syscall(SYS_mmap, place, size, protection, flags, fd, offset);
	struct file *file = file_of(fd);

	if (bytes == MAP_FAILED || !file || !(flags & MAP_SHARED) || !(protection & PROT_WRITE) ||
		offset != 0 || !enter())
		return bytes;
	for (size_t i = 0; i < MAPS; i++) {
		if (maps[i].bytes)
			continue;
		maps[i] = (struct map){bytes, malloc(size), size, file->number};
		memcpy(maps[i].shadow, bytes, size);
		/* A killed process may have changed it after its last step. */
		put('W', file->number, 0, maps[i].shadow, size);
		break;
	}
	start_sampling();
	leave();
	return bytes;
}

int munmap(void *bytes, size_t size)
{
	if (trace >= 0 && enter()) {
		for (size_t i = 0; i < MAPS; i++) {
			if (maps[i].bytes != bytes)
				continue;
			free(maps[i].shadow);
			maps[i] = (struct map){NULL};
		}
		leave();
	}
	return (int)syscall(SYS_munmap, bytes, size);
}

/* off_t has 64 bits: these are the same. */
#define SAME_AS(name, result, name64, ...) result name64(__VA_ARGS__) __attribute__((alias(#name)))
SAME_AS(pwrite, ssize_t, pwrite64, int, const void *, size_t, off64_t);
SAME_AS(ftruncate, int, ftruncate64, int, off64_t);
SAME_AS(posix_fallocate, int, posix_fallocate64, int, off64_t, off64_t);
SAME_AS(mmap, void *, mmap64, void *, size_t, int, int, int, off64_t);
