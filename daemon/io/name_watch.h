/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells when a file comes to be at a path, so that nobody has to look again and again. It opens
 * nothing there, and does not tell when the file goes. */
#pragma once

#include "common/base/macro.h"
#include "daemon/loop.h"

struct name_watch;

/* Calls back from the loop each time a file of that name was made, was renamed to it, or got other
 * permissions. The callback may not free the watch. Returns 0 or a negative errno: -ENOENT where
 * there is no such folder. The caller owns *ret: name_watch_free(). */
int name_watch_new(struct loop *loop, const char *path, loop_callback *callback, void *user,
	struct name_watch **ret);
/* NULL is fine; returns NULL. */
struct name_watch *name_watch_free(struct name_watch *watch);
DEFINE_FREEP(struct name_watch, name_watch_free)
