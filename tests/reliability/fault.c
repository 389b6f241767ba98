/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LD_PRELOAD: makes the n-th call of a kind fail, once or from then on. What the C library does
 * inside (the output of stdio) does not pass here. The environment names the control file
 * (FAULT_CONTROL), which failures.py writes at any time, and the program that it is for
 * (FAULT_PROGRAM). */
#include "tests/preload.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_MEMORY, KIND_WRITE, KIND_SHORT, KIND_SYNC, KIND_OPEN, KIND_MAP, KIND_READ, KINDS };

/* failures.py knows the layout. */
struct control {
	uint64_t kind, nth; /* nth 0: nothing fails */
	uint64_t for_ever;
	uint64_t calls[KINDS];
	uint64_t failed;
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_CONTROL"), *program = getenv("FAULT_PROGRAM");
	void *map;
	int fd;

	if (!path || !program || strcmp(program, program_invocation_short_name) != 0)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		_exit(125);
	map = (void *)syscall(
		SYS_mmap, NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (map != MAP_FAILED)
		control = map;
}

static bool fails(enum kind kind, int error)
{
	uint64_t call, nth;

	if (!control)
		return false;
	call = __atomic_add_fetch(&control->calls[kind], 1, __ATOMIC_SEQ_CST);
	nth = __atomic_load_n(&control->nth, __ATOMIC_SEQ_CST);
	if (nth == 0 || control->kind != kind || call < nth || (call > nth && !control->for_ever))
		return false;
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
	errno = error;
	return true;
}

#define FAILS_OR(kind, error, failed, name, ...)                                                   \
	return fails(kind, error) ? (failed) : NEXT(name)(__VA_ARGS__)

void *malloc(size_t size)
{
	FAILS_OR(KIND_MEMORY, ENOMEM, NULL, malloc, size);
}

void *calloc(size_t count, size_t size)
{
	FAILS_OR(KIND_MEMORY, ENOMEM, NULL, calloc, count, size);
}

void *realloc(void *place, size_t size)
{
	FAILS_OR(KIND_MEMORY, ENOMEM, NULL, realloc, place, size);
}

static size_t shorter(size_t size)
{
	return size > 1 && fails(KIND_SHORT, 0) ? size / 2 : size;
}

ssize_t write(int fd, const void *data, size_t size)
{
	/* By one byte, libevent tells itself of a signal: there is always room for it. */
	if (size == 1)
		return NEXT(write)(fd, data, size);
	FAILS_OR(KIND_WRITE, ENOSPC, -1, write, fd, data, shorter(size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, pwrite, fd, data, shorter(size), offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	FAILS_OR(KIND_READ, EIO, -1, pread, fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (count > 0 && fails(KIND_SHORT, 0))
		return NEXT(write)(fd, parts[0].iov_base, (parts[0].iov_len + 1) / 2);
	FAILS_OR(KIND_WRITE, ENOSPC, -1, writev, fd, parts, count);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	FAILS_OR(KIND_WRITE, ENOBUFS, -1, send, fd, data, shorter(size), flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	FAILS_OR(KIND_WRITE, ENOBUFS, -1, sendmsg, fd, message, flags);
}

int ftruncate(int fd, off_t size)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, fallocate, fd, mode, offset, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
	FAILS_OR(KIND_WRITE, 0, ENOSPC, posix_fallocate, fd, offset, size);
}

int rename(const char *from, const char *to)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, rename, from, to);
}

int link(const char *from, const char *to)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, link, from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, linkat, from_folder, from, to_folder, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
	FAILS_OR(KIND_WRITE, ENOSPC, -1, mkdir, path, mode);
}

int unlink(const char *path)
{
	FAILS_OR(KIND_WRITE, EROFS, -1, unlink, path);
}

int fsync(int fd)
{
	FAILS_OR(KIND_SYNC, EIO, -1, fsync, fd);
}

int fdatasync(int fd)
{
	FAILS_OR(KIND_SYNC, EIO, -1, fdatasync, fd);
}

int msync(void *place, size_t size, int flags)
{
	FAILS_OR(KIND_SYNC, EIO, -1, msync, place, size, flags);
}

OPEN(open, (const char *path, int flags, ...),
	fails(KIND_OPEN, EMFILE) ? -1 : NEXT(open)(path, flags, mode))
OPEN(openat, (int folder, const char *path, int flags, ...),
	fails(KIND_OPEN, EMFILE) ? -1 : NEXT(openat)(folder, path, flags, mode))

FILE *fopen(const char *path, const char *mode)
{
	FAILS_OR(KIND_OPEN, EMFILE, NULL, fopen, path, mode);
}

DIR *opendir(const char *path)
{
	FAILS_OR(KIND_OPEN, EMFILE, NULL, opendir, path);
}

int socket(int domain, int type, int protocol)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, socket, domain, type, protocol);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, accept4, fd, address, size, flags);
}

int pipe2(int fds[2], int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, pipe2, fds, flags);
}

int memfd_create(const char *name, unsigned flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, memfd_create, name, flags);
}

int dup(int fd)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, dup, fd);
}

int inotify_init1(int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, inotify_init1, flags);
}

int timerfd_create(clockid_t clock, int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, timerfd_create, clock, flags);
}

int epoll_create1(int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, epoll_create1, flags);
}

int eventfd(unsigned value, int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, eventfd, value, flags);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, socketpair, domain, type, protocol, fds);
}

int mkostemp(char *path, int flags)
{
	FAILS_OR(KIND_OPEN, EMFILE, -1, mkostemp, path, flags);
}

void *mmap(void *place, size_t size, int access, int flags, int fd, off_t offset)
{
	FAILS_OR(KIND_MAP, ENOMEM, MAP_FAILED, mmap, place, size, access, flags, fd, offset);
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	FAILS_OR(KIND_MAP, 0, EAGAIN, pthread_create, thread, attributes, start, argument);
}

pid_t fork(void)
{
	FAILS_OR(KIND_MAP, ENOMEM, -1, fork);
}

int posix_spawnp(pid_t *child, const char *program, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	FAILS_OR(KIND_MAP, 0, EAGAIN, posix_spawnp, child, program, actions, attributes, arguments,
		environment);
}

/* off_t has 64 bits: these are the same. */
#define SAME_AS(name, result, name64, ...) result name64(__VA_ARGS__) __attribute__((alias(#name)))
SAME_AS(pwrite, ssize_t, pwrite64, int, const void *, size_t, off64_t);
SAME_AS(pread, ssize_t, pread64, int, void *, size_t, off64_t);
SAME_AS(ftruncate, int, ftruncate64, int, off64_t);
SAME_AS(fallocate, int, fallocate64, int, int, off64_t, off64_t);
SAME_AS(posix_fallocate, int, posix_fallocate64, int, off64_t, off64_t);
SAME_AS(fopen, FILE *, fopen64, const char *, const char *);
SAME_AS(open, int, open64, const char *, int, ...);
SAME_AS(openat, int, openat64, int, const char *, int, ...);
SAME_AS(mkostemp, int, mkostemp64, char *, int);
SAME_AS(mmap, void *, mmap64, void *, size_t, int, int, int, off64_t);
