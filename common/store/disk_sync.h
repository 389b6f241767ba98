/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that waits for the disk, because a busy disk can take longer than the watchdog allows
 * the loop. It touches only the data of its work function. */
#pragma once

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

/* Beyond it, a thread that neither works nor waits for the disk hangs. */
#define DISK_SYNC_HANGS_US (60 * USEC_PER_SEC)

struct disk_sync;

/* Syncs something to disk, in the thread. Returns 0 or a negative errno. */
typedef int disk_sync_work(void *user);

/* Starts the thread. `user` must live until disk_sync_free(). Returns 0, -ENOMEM, or an errno of
 * pthread_create(3). */
int disk_sync_new(disk_sync_work *work, void *user, struct disk_sync **ret);
/* Waits for a running sync, then ends the thread. NULL is fine; returns NULL. */
struct disk_sync *disk_sync_free(struct disk_sync *sync);
DEFINE_FREEP(struct disk_sync, disk_sync_free)
/* Requests a sync: at once, or soon after the last one. One that runs may have missed what was
 * written meanwhile: another one follows it. Does not wait. */
void disk_sync_start(struct disk_sync *sync);
/* Whether the thread is stuck: a sync is due or running since DISK_SYNC_HANGS_US, and the kernel
 * does not wait for the disk. A slow or dead disk is no hang, because a restart cannot cure it. */
bool disk_sync_hangs(struct disk_sync *sync, struct stamp now);
/* Returns -EINPROGRESS while a sync is requested or running, else the result of the last one since
 * the last call: 0, or its negative errno. */
int disk_sync_result(struct disk_sync *sync);
