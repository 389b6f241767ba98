/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/path_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "common/base/text.h"

#define READ_BYTES 4096

struct path_watch {
	int fd;
	struct loop_io *io;
	loop_callback *callback;
	void *user;
	char name[NAME_MAX + 1];
};

/* Whether one of the events is about the name; after an overflow it may be. */
static bool concerns(const struct path_watch *watch, const char *bytes, size_t length)
{
	struct inotify_event event;

	for (size_t at = 0; at + sizeof(event) <= length; at += sizeof(event) + event.len) {
		memcpy(&event, bytes + at, sizeof(event));
		if (event.mask & IN_Q_OVERFLOW)
			return true;
		if (event.len > 0 && text_equal(bytes + at + sizeof(event), watch->name))
			return true;
	}
	return false;
}

static void on_events(void *user, unsigned ready)
{
	struct path_watch *watch = user;
	char bytes[READ_BYTES];
	bool is_told = false;
	ssize_t n;

	while ((n = read(watch->fd, bytes, sizeof(bytes))) > 0)
		is_told = concerns(watch, bytes, (size_t)n) || is_told;
	if (is_told)
		watch->callback(watch->user);
}

int path_watch_new(struct loop *loop, const char *path, loop_callback *callback, void *user,
	struct path_watch **ret)
{
	CLEANUP(path_watch_freep) struct path_watch *watch = calloc(1, sizeof(*watch));
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int r;

	if (!watch)
		return -ENOMEM;
	watch->callback = callback;
	watch->user = user;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0)
		return -errno;
	if (!slash || !text_copy(watch->name, sizeof(watch->name), slash + 1))
		return -EINVAL;
	r = snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	if (r >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	if (inotify_add_watch(watch->fd, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) <
		0)
		return -errno;
	r = loop_watch(loop, watch->fd, LOOP_READ, on_events, watch, &watch->io);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

struct path_watch *path_watch_free(struct path_watch *watch)
{
	if (!watch)
		return NULL;
	loop_io_free(watch->io);
	closep(&watch->fd);
	free(watch);
	return NULL;
}
