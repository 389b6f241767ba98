/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LD_PRELOAD: a file whose name ends with a text fails with an error in each call that uses it, and
 * the clock is set forward or back, or the computer has slept. The environment names the control
 * file (DISKS_CONTROL), which faults.py writes at any time. */
#include "tests/preload.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FDS 1024
#define NAME_BYTES 64

/* faults.py knows the layout. */
struct control {
	char name[NAME_BYTES]; /* empty: no file fails */
	int64_t error;
	int64_t failed;	   /* calls */
	int64_t wall_us;   /* added to the wall clock */
	int64_t asleep_us; /* the computer slept: also added to the clocks that count this time */
};

static struct control *control;
static char names[FDS][NAME_BYTES]; /* of open files, by descriptor */

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("DISKS_CONTROL");
	void *map;
	int fd;

	if (!path)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	map = (void *)syscall(
		SYS_mmap, NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED)
		_exit(125);
	syscall(SYS_close, fd);
	control = map;
}

/* EMFILE is for those that open; a full or read-only disk is none for those that read. */
enum use { USE_OPEN, USE_READ, USE_WRITE };

static bool fails_for(enum use use)
{
	switch (control->error) {
	case EMFILE:
		return use == USE_OPEN;
	case ENOSPC:
	case EROFS:
		return use == USE_WRITE;
	default:
		return true;
	}
}

static bool fails(const char *path, enum use use)
{
	size_t length, size;

	if (!control || !control->name[0])
		return false;
	length = strlen(path);
	size = strlen(control->name);
	if (length < size || strcmp(path + length - size, control->name) != 0 || !fails_for(use))
		return false;
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
	errno = (int)control->error;
	return true;
}

static bool fd_fails(int fd, enum use use)
{
	return fd >= 0 && fd < FDS && names[fd][0] && fails(names[fd], use);
}

/* The last bytes of the path are enough. */
static int remember(int fd, const char *path)
{
	size_t length = strlen(path);

	if (fd >= 0 && fd < FDS)
		snprintf(names[fd], NAME_BYTES, "%s",
			path + (length < NAME_BYTES ? 0 : length - NAME_BYTES + 1));
	return fd;
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
	bool creates = flags & O_CREAT && access(path, F_OK) < 0;

	/* A disk that is full opens what is there; one that is read-only opens nothing to write. */
	if (fails(path, USE_OPEN) || (creates && fails(path, USE_WRITE)) ||
		(flags & O_ACCMODE && control && control->error == EROFS && fails(path, USE_WRITE)))
		return -1;
	return remember((int)syscall(SYS_openat, folder, path, flags, mode), path);
}

OPEN(open, (const char *path, int flags, ...), open_at(AT_FDCWD, path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), open_at(AT_FDCWD, path, flags, mode))
OPEN(openat, (int folder, const char *path, int flags, ...), open_at(folder, path, flags, mode))
OPEN(openat64, (int folder, const char *path, int flags, ...), open_at(folder, path, flags, mode))

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		names[fd][0] = '\0';
	return (int)syscall(SYS_close, fd);
}

ssize_t read(int fd, void *data, size_t size)
{
	return fd_fails(fd, USE_READ) ? -1 : syscall(SYS_read, fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	return fd_fails(fd, USE_READ) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return fd_fails(fd, USE_WRITE) ? -1 : syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return fd_fails(fd, USE_WRITE) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

int ftruncate(int fd, off_t size)
{
	return fd_fails(fd, USE_WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
	return fd_fails(fd, USE_WRITE) ? errno : NEXT(posix_fallocate)(fd, offset, size);
}

int fsync(int fd)
{
	return fd_fails(fd, USE_WRITE) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fd_fails(fd, USE_WRITE) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
	if (fails(from, USE_WRITE) || fails(to, USE_WRITE))
		return -1;
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	/* On a full disk it is what helps. */
	if (control && control->error != ENOSPC && fails(path, USE_WRITE))
		return -1;
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

void *mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fd_fails(fd, protection & PROT_WRITE ? USE_WRITE : USE_READ))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, place, size, protection, flags, fd, offset);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);
	int64_t added = 0, ns;

	if (r < 0 || !control)
		return r;
	if (clock == CLOCK_REALTIME)
		added = control->wall_us + control->asleep_us;
	else if (clock == CLOCK_BOOTTIME)
		added = control->asleep_us;
	ns = (int64_t)ret->tv_sec * 1000000000 + ret->tv_nsec + added * 1000;
	ret->tv_sec = ns / 1000000000;
	ret->tv_nsec = ns % 1000000000;
	return r;
}

/* off_t has 64 bits: these are the same. */
#define SAME_AS(name, result, name64, ...) result name64(__VA_ARGS__) __attribute__((alias(#name)))
SAME_AS(pread, ssize_t, pread64, int, void *, size_t, off64_t);
SAME_AS(pwrite, ssize_t, pwrite64, int, const void *, size_t, off64_t);
SAME_AS(ftruncate, int, ftruncate64, int, off64_t);
SAME_AS(posix_fallocate, int, posix_fallocate64, int, off64_t, off64_t);
SAME_AS(mmap, void *, mmap64, void *, size_t, int, int, int, off64_t);
