/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports when a file appears at a path, so that nobody has to poll. It opens nothing there, and
 * does not report when the file goes. */
#pragma once

#include "common/base/macro.h"
#include "daemon/loop.h"

struct path_watch;

/* Calls back from the loop each time a file of that name was made, was renamed to it, or got other
 * permissions. The callback may not free the watch. Returns 0 or a negative errno: -ENOENT where
 * there is no such folder. The caller owns *ret: path_watch_free(). */
int path_watch_new(struct loop *loop, const char *path, loop_callback *callback, void *user,
	struct path_watch **ret);
/* NULL is fine; returns NULL. */
struct path_watch *path_watch_free(struct path_watch *watch);
DEFINE_FREEP(struct path_watch, path_watch_free)
