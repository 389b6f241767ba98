/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that waits for the disk, because fdatasync() of a busy disk can take longer than the
 * watchdog. It touches nothing but the file descriptor. */
#pragma once

#include "common/base/macro.h"

struct ring_sync;

/* Starts the thread. `fd` stays the caller's and open until ring_sync_free(). Returns 0, -ENOMEM,
 * or an errno of pthread_create(3). */
int ring_sync_new(int fd, struct ring_sync **ret);
/* Waits for a sync that is under way, then ends the thread. NULL is fine; returns NULL. */
struct ring_sync *ring_sync_free(struct ring_sync *sync);
DEFINE_FREEP(struct ring_sync, ring_sync_free)
/* Asks for a sync. Does not wait. */
void ring_sync_start(struct ring_sync *sync);
/* Returns -EINPROGRESS while one is asked for or under way, else what the last one since the last
 * call gave: 0, or its negative errno. */
int ring_sync_result(struct ring_sync *sync);
