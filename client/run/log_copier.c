/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/macro.h"

#define COPY_BYTES 262144
#define LOOK_FOR_TOOL_MS 10  /* interval until the tool has started */
#define LOOK_AGAIN_MS 1000   /* interval after an error: the disk may have space again */
#define LOOK_UNWATCHED_MS 50 /* interval if the kernel does not report new output */

/* Detaches from the caller's terminal, signals and standard streams. */
static void go_apart(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;

	logfile_give_way();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	setsid();
	for (int fd = 0; nothing >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(nothing, fd);
}

/* Returns 0, or a negative errno. */
static int write_all(int fd, const char *bytes, size_t length, struct log_copy *copy)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		copy->written += n;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* Whether the file still has its name and all that was written. Returns 0, or a negative errno. */
static int check_file(const struct logfile *log)
{
	struct stat file, named;

	if (fstat(log->file_fd, &file) < 0 || stat(log->path, &named) < 0)
		return -errno;
	if (file.st_dev != named.st_dev || file.st_ino != named.st_ino)
		return -ENOENT;
	return file.st_size < log->copy->written ? -ENODATA : 0;
}

/* Copies new output. Returns 0, or a negative errno: the file is incomplete. */
static int copy_new(const struct logfile *log)
{
	static char bytes[COPY_BYTES];
	struct log_copy *copy = log->copy;

	if (log->file_fd < 0)
		return -copy->error;
	for (;;) {
		ssize_t n = pread(log->fd, bytes, sizeof(bytes), copy->written);
		int r;

		/* Memory that was given back reads as zeros: check after reading. */
		if (copy->written < copy->floor)
			return copy->error ? -copy->error : -ETIMEDOUT;
		r = n < 0 ? -errno : n == 0 ? 0 : write_all(log->file_fd, bytes, (size_t)n, copy);
		if (r < 0)
			return r;
		if (n == 0)
			break;
		logfile_limit(log);
	}
	return check_file(log);
}

/* Whether the tool has ended, or will never start. Finds its process first: *pidfd. */
static bool has_ended(const struct logfile *log, pid_t run, int *pidfd)
{
	struct pollfd end = {.events = POLLIN};
	/* In this order: the parent may have started the tool before it ended. */
	bool alone = getppid() != run;
	pid_t tool = log->copy->tool;

	if (*pidfd < 0 && tool)
		*pidfd = pidfd_open(tool, 0);
	if (*pidfd < 0)
		return tool || alone;
	end.fd = *pidfd;
	return poll(&end, 1, 0) > 0;
}

void log_copier_run(struct logfile *log, pid_t run)
{
	struct pollfd fds[] = {
		{.fd = -1, .events = POLLIN},
		{.fd = log->watch_fd, .events = POLLIN},
	};
	int wait_ms = log->watch_fd < 0 ? LOOK_UNWATCHED_MS : LOOK_AGAIN_MS;

	go_apart();
	for (;;) {
		bool ended = has_ended(log, run, &fds[0].fd);

		log->copy->error = -copy_new(log);
		logfile_limit(log);
		if (ended)
			_exit(0);
		/* The end of the tool is not waited for; a burst of lines is one look. */
		if (poll(fds, 1, LOGFILE_PAUSE_MS) == 0)
			poll(fds, ARRAY_SIZE(fds), fds[0].fd < 0 ? LOOK_FOR_TOOL_MS : wait_ms);
		logfile_noticed(log);
	}
}
