/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/new_file.h"
#include "common/base/clock.h"
#include "common/base/macro.h"

/* Since Linux 6.3; an administrator may require it (vm.memfd_noexec). Earlier kernels reject it. */
#define MEMFD_NOEXEC_SEAL 8u

/* A restore writes some MB. A tool that never stops writing, or a disk that never takes it, must
 * not fill the memory: what is not in the file yet gets this part of the computer's. */
#define MEMORY_MAX_BYTES (64ll << 20)
#define OUTPUT_LIKELY_BYTES (UINT64_C(1) << 30) /* more than a restore writes */
#define UNWRITTEN_PART 16
/* Memory is given back in large pieces: each time, the tool waits for the kernel. */
#define GIVE_BACK_BYTES (8ll << 20)

char *logfile_default_path(const char *tool)
{
	CLEANUP(freep) char *folder = new_file_state_path("logs");
	const char *slash = tool ? strrchr(tool, '/') : NULL;
	time_t now = (time_t)(clock_now().wall_us / USEC_PER_SEC);
	char stamp[32] = "";
	struct tm tm;
	char *path;
	int r;

	if (!folder || !tool)
		return TAKE_PTR(folder);
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	r = asprintf(
		&path, "%s/%s-%s-%d.log", folder, stamp, slash ? slash + 1 : tool, (int)getpid());
	return r < 0 ? NULL : path;
}

/* Opens the path, and locks it for as long as it is open here or in the copying process. Returns
 * the descriptor or a negative errno. */
static int open_log(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 0) {
		close(fd);
		return -EEXIST;
	}
	/* A filesystem without locks is good enough for one. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}

/* Allocates the memory for the tool's output. Returns 0 or a negative errno. */
static int open_memory(struct logfile *log)
{
	struct rlimit file_size;
	char self[32];

	/* Such a limit counts for memory too: beyond it, SIGXFSZ would end the tool. */
	if (getrlimit(RLIMIT_FSIZE, &file_size) == 0 && file_size.rlim_cur < OUTPUT_LIKELY_BYTES)
		return -EFBIG;
	log->fd = memfd_create("log", MFD_CLOEXEC | MEMFD_NOEXEC_SEAL);
	if (log->fd < 0 && errno == EINVAL)
		log->fd = memfd_create("log", MFD_CLOEXEC);
	if (log->fd < 0)
		return -errno;
	log->copy = mmap(NULL, sizeof(*log->copy), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (log->copy == MAP_FAILED) {
		log->copy = NULL;
		return -errno;
	}
	/* Opened by name: the kernel reports no writes to the descriptor of memfd_create(). */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", log->fd);
	log->tool_fd = open(self, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (log->tool_fd >= 0)
		return 0;
	log->tool_fd = fcntl(log->fd, F_DUPFD_CLOEXEC, 0);
	return log->tool_fd < 0 || fcntl(log->tool_fd, F_SETFL, O_APPEND) < 0 ? -errno : 0;
}

/* A descriptor that is readable when there is new output; -1 = not available. */
static int watch_memory(const struct logfile *log)
{
	CLEANUP(closep) int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", log->fd);
	if (watch < 0 || inotify_add_watch(watch, self, IN_MODIFY) < 0)
		return -1;
	return TAKE_FD(watch);
}

int logfile_open(const char *wanted, const char *tool, struct logfile *ret)
{
	int r;

	*ret = (struct logfile){.fd = -1, .tool_fd = -1, .file_fd = -1, .watch_fd = -1};
	ret->unwritten_max =
		(int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / UNWRITTEN_PART;
	ret->path = wanted ? strdup(wanted) : logfile_default_path(tool);
	if (!ret->path)
		return -ENOMEM;
	r = open_memory(ret);
	if (r < 0)
		return r;
	ret->watch_fd = watch_memory(ret);
	r = wanted ? 0 : new_file_make_folders(ret->path);
	if (r >= 0)
		r = open_log(ret->path);
	if (r == -EEXIST || r == -EBUSY)
		return r;
	if (r < 0)
		ret->copy->error = -r;
	else
		ret->file_fd = r;
	return 0;
}

void logfile_done(struct logfile *log)
{
	closep(&log->fd);
	closep(&log->tool_fd);
	closep(&log->file_fd);
	closep(&log->watch_fd);
	if (log->copy)
		munmap(log->copy, sizeof(*log->copy));
	free(log->path);
	*log = (struct logfile){.fd = -1, .tool_fd = -1, .file_fd = -1, .watch_fd = -1};
}

void logfile_copy(struct logfile *log)
{
	pid_t parent = getpid(), copier = fork();

	if (copier < 0)
		log->copy->error = errno;
	log->copier = copier > 0 ? copier : 0;
	if (copier != 0)
		return;
	/* A shared watch would report each write to only one of the two. */
	closep(&log->watch_fd);
	log->watch_fd = watch_memory(log);
	log_copier_run(log, parent);
}

void logfile_abandon(struct logfile *log)
{
	if (log->copier > 0 && kill(log->copier, SIGKILL) == 0)
		waitpid(log->copier, NULL, 0);
	log->copier = 0;
}

int logfile_finish(struct logfile *log, int64_t size, int most_ms)
{
	CLEANUP(closep) int copier = log->copier > 0 ? pidfd_open(log->copier, 0) : -1;
	struct pollfd end = {.fd = copier, .events = POLLIN};

	if (copier >= 0 && poll(&end, 1, most_ms) == 0)
		return -EINPROGRESS;
	if (log->copier > 0)
		waitpid(log->copier, NULL, WNOHANG);
	if (log->copy->error)
		return -log->copy->error;
	/* Only a copier that was killed leaves no error. */
	return log->copy->written < size ? -EIO : 0;
}

int logfile_error(const struct logfile *log)
{
	return -log->copy->error;
}

int64_t logfile_size(const struct logfile *log)
{
	struct stat st;

	return fstat(log->fd, &st) < 0 ? 0 : st.st_size;
}

void logfile_limit(const struct logfile *log)
{
	struct log_copy *copy = log->copy;
	int64_t size = logfile_size(log), floor = copy->floor, until = copy->written;

	if (size - floor <= MEMORY_MAX_BYTES)
		return;
	if (until < size - log->unwritten_max)
		until = size - log->unwritten_max;
	until -= until % GIVE_BACK_BYTES;
	/* The other process may have given back more meanwhile. */
	if (until <= floor || !atomic_compare_exchange_strong(&copy->floor, &floor, until))
		return;
	fallocate(log->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, floor, until - floor);
}

size_t logfile_read(const struct logfile *log, int64_t offset, char *bytes, size_t size)
{
	ssize_t n = pread(log->fd, bytes, size, offset);

	/* Check after reading: memory may be released at any moment. */
	if (offset < log->copy->floor) {
		ssize_t on_disk = pread(log->file_fd, bytes, size, offset);

		n = on_disk > 0 ? on_disk : pread(log->fd, bytes, size, offset);
	}
	return n < 0 ? 0 : (size_t)n;
}

void logfile_give_way(void)
{
	/* A process of this class preempts no other when it wakes, and gets as much time. */
	if (sched_getscheduler(0) != SCHED_IDLE)
		sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
}

void logfile_noticed(const struct logfile *log)
{
	char events[4096];

	while (log->watch_fd >= 0 && read(log->watch_fd, events, sizeof(events)) > 0)
		;
}
