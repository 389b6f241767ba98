/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/ring_map.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ring/format.h"

struct ring_map {
	void *bytes;
	uint64_t size;
	struct ring_reader reader;
	bool has_writer;
};

int ring_bytes_map(int fd, bool writable, void **ret_bytes, uint64_t *ret_size)
{
	struct stat status;
	void *bytes;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size < 2 * RING_PAGE_BYTES + RING_ARENA_MIN ||
		(uint64_t)status.st_size > RING_BYTES_MAX)
		return -EBADMSG;
	bytes = mmap(NULL, (size_t)status.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*ret_bytes = bytes;
	*ret_size = (uint64_t)status.st_size;
	return 0;
}

int ring_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* True if a writer holds the lock. If that cannot be checked, false. */
static bool has_writer(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int ring_map_open(const char *path, struct ring_map **ret)
{
	CLEANUP(ring_map_freep) struct ring_map *map = NULL;
	CLEANUP(closep) int fd = -1;
	int r;

	assert(path && ret);
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	/* Non-blocking: the path may be a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = ring_bytes_map(fd, false, &map->bytes, &map->size);
	if (r < 0)
		return r;
	map->has_writer = has_writer(fd);
	r = ring_reader_init(&map->reader, map->bytes, map->size, map->has_writer);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(map);
	return 0;
}

struct ring_map *ring_map_free(struct ring_map *map)
{
	if (map && map->bytes)
		munmap(map->bytes, map->size);
	free(map);
	return NULL;
}

bool ring_map_has_writer(const struct ring_map *map)
{
	return map->has_writer;
}

const struct ring_reader *ring_map_reader(const struct ring_map *map)
{
	return &map->reader;
}

/* Read by the signal handler; they change only while the mapping is unused. */
static uintptr_t first, end, page_bytes;
static volatile sig_atomic_t broke;

/* mmap(2) is a plain system call on Linux: it may be called in a signal handler. */
static bool replace_page(uintptr_t address)
{
	uintptr_t page = address & ~(page_bytes - 1);

	if (address < first || address >= end)
		return false;
	return mmap((void *)page, page_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (replace_page((uintptr_t)info->si_addr))
		broke = 1;
	else
		/* The access is repeated, and kills the process. */
		signal(number, SIG_DFL);
	errno = saved;
}

void sigbus_guard_start(void *bytes, size_t size)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	first = (uintptr_t)bytes;
	end = first + size;
	broke = 0;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

void sigbus_guard_stop(void)
{
	signal(SIGBUS, SIG_DFL);
	first = end = 0;
}

bool sigbus_guard_broke(void)
{
	return broke;
}
