/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports a file that appears at a path, to avoid polling. It does not open the file, and does not
 * report its removal. */
#pragma once

#include "common/base/macro.h"
#include "daemon/loop.h"

struct path_watch;

/* Calls back from the loop each time a file with this name is created, renamed to it, or changes
 * its permissions. The callback must not free the watch. Returns 0 or a negative errno: -ENOENT if
 * the folder does not exist. The caller owns *ret: path_watch_free(). */
int path_watch_new(struct loop *loop, const char *path, loop_callback *callback, void *user,
	struct path_watch **ret);
/* NULL is fine; returns NULL. */
struct path_watch *path_watch_free(struct path_watch *watch);
DEFINE_FREEP(struct path_watch, path_watch_free)
