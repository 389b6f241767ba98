/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that waits for the disk, because a busy disk can take longer than the watchdog allows
 * the loop. It touches nothing but what its work does. */
#pragma once

#include "common/base/macro.h"

struct disk_sync;

/* Brings something to the disk, in the thread. Returns 0 or a negative errno. */
typedef int disk_sync_work(void *user);

/* Starts the thread. `user` must live until disk_sync_free(). Returns 0, -ENOMEM, or an errno of
 * pthread_create(3). */
int disk_sync_new(disk_sync_work *work, void *user, struct disk_sync **ret);
/* Waits for a sync that is under way, then ends the thread. NULL is fine; returns NULL. */
struct disk_sync *disk_sync_free(struct disk_sync *sync);
DEFINE_FREEP(struct disk_sync, disk_sync_free)
/* Asks for a sync. Does not wait. */
void disk_sync_start(struct disk_sync *sync);
/* Returns -EINPROGRESS while one is asked for or under way, else what the last one since the last
 * call gave: 0, or its negative errno. */
int disk_sync_result(struct disk_sync *sync);
