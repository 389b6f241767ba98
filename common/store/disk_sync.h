/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that waits for the disk, because a busy disk can take longer than the watchdog allows
 * the loop. It touches only the data of its work function. */
#pragma once

#include "common/base/macro.h"

struct disk_sync;

/* Syncs something to disk, in the thread. Returns 0 or a negative errno. */
typedef int disk_sync_work(void *user);

/* Starts the thread. `user` must live until disk_sync_free(). Returns 0, -ENOMEM, or an errno of
 * pthread_create(3). */
int disk_sync_new(disk_sync_work *work, void *user, struct disk_sync **ret);
/* Waits for a running sync, then ends the thread. NULL is fine; returns NULL. */
struct disk_sync *disk_sync_free(struct disk_sync *sync);
DEFINE_FREEP(struct disk_sync, disk_sync_free)
/* Requests a sync. Does not wait. */
void disk_sync_start(struct disk_sync *sync);
/* Returns -EINPROGRESS while a sync is requested or running, else the result of the last one since
 * the last call: 0, or its negative errno. */
int disk_sync_result(struct disk_sync *sync);
