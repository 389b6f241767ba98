/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

/* Makes the folders of `path` that do not exist. Returns 0 or a negative errno. */
static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0700) < 0 ? -errno : 0;
		*slash = '/';
		/* A folder above may be closed to writing and yet have the next one. */
		if (r < 0 && r != -EEXIST && r != -EACCES && r != -EROFS)
			return r;
	}
	return 0;
}

/* XDG Base Directory Specification: state that is not worth a backup, relative paths do not count.
 * Returns NULL when memory is out. */
static char *default_path(const char *tool)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *slash = strrchr(tool, '/');
	time_t now = (time_t)(clock_now().wall_us / USEC_PER_SEC);
	char stamp[32] = "";
	struct tm tm;
	char *path;
	int r;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	if (state && state[0] == '/')
		r = asprintf(&path, "%s/idevicetriage/logs/%s-%s-%d.log", state, stamp,
			slash ? slash + 1 : tool, (int)getpid());
	else
		r = asprintf(&path, "%s/.local/state/idevicetriage/logs/%s-%s-%d.log",
			home ? home : "", stamp, slash ? slash + 1 : tool, (int)getpid());
	return r < 0 ? NULL : path;
}

/* Opens the path. Returns the descriptor or a negative errno. */
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
	return fd;
}

int logfile_create(const char *wanted, const char *tool, struct logfile *ret, char **failed)
{
	CLEANUP(freep) char *path = wanted ? strdup(wanted) : default_path(tool);
	int fd, r = 0;

	if (!path)
		return -ENOMEM;
	if (!wanted)
		r = make_folders(path);
	fd = r < 0 ? r : open_log(path);
	if (fd < 0) {
		*failed = TAKE_PTR(path);
		return fd;
	}
	ret->fd = fd;
	ret->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (ret->watch_fd >= 0 && inotify_add_watch(ret->watch_fd, path, IN_MODIFY) < 0) {
		close(ret->watch_fd);
		ret->watch_fd = -1;
	}
	ret->path = TAKE_PTR(path);
	return 0;
}

void logfile_done(struct logfile *log)
{
	closep(&log->fd);
	closep(&log->watch_fd);
	free(log->path);
	*log = (struct logfile){.fd = -1, .watch_fd = -1};
}

int64_t logfile_size(const struct logfile *log)
{
	struct stat st;

	return fstat(log->fd, &st) < 0 ? 0 : st.st_size;
}

size_t logfile_read(const struct logfile *log, int64_t offset, char *bytes, size_t size)
{
	ssize_t n = pread(log->fd, bytes, size, offset);

	return n < 0 ? 0 : (size_t)n;
}

void logfile_noticed(const struct logfile *log)
{
	char events[4096];

	while (log->watch_fd >= 0 && read(log->watch_fd, events, sizeof(events)) > 0)
		;
}
