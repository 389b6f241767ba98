/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/disk_sync.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000
/* After a sync: what many writes in a row bring to the disk is then one sync, not many. */
#define REST_NS (100 * 1000 * 1000)

struct disk_sync {
	disk_sync_work *work;
	void *user;
	pthread_t thread;
	pthread_mutex_t lock; /* protects the fields below */
	pthread_cond_t changed;
	pid_t id; /* of the thread; 0 = it has not run yet */
	/* Monotonic: the last request to an idle thread, or the last start or end of work. */
	uint64_t progress_us;
	bool wanted;
	bool stop;
	bool busy; /* implies that the thread is in work() */
	int result;
};

/* Until the next sync, or the end. */
static void rest(struct disk_sync *sync)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += REST_NS;
	end.tv_sec += end.tv_nsec / NSEC_PER_SEC;
	end.tv_nsec %= NSEC_PER_SEC;
	while (!sync->stop &&
		pthread_cond_timedwait(&sync->changed, &sync->lock, &end) != ETIMEDOUT)
		;
}

static void *sync_thread(void *argument)
{
	struct disk_sync *sync = argument;

	pthread_mutex_lock(&sync->lock);
	sync->id = gettid();
	while (!sync->stop) {
		int r;

		if (!sync->wanted) {
			pthread_cond_wait(&sync->changed, &sync->lock);
			continue;
		}
		sync->wanted = false;
		sync->busy = true;
		sync->progress_us = clock_now().monotonic_us;
		pthread_mutex_unlock(&sync->lock);
		r = sync->work(sync->user);
		pthread_mutex_lock(&sync->lock);
		sync->busy = false;
		sync->progress_us = clock_now().monotonic_us;
		sync->result = r;
		rest(sync);
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

int disk_sync_new(disk_sync_work *work, void *user, struct disk_sync **ret)
{
	struct disk_sync *sync = calloc(1, sizeof(*sync));
	pthread_condattr_t clock;
	sigset_t all, before;
	int r;

	if (!sync)
		return -ENOMEM;
	sync->work = work;
	sync->user = user;
	pthread_mutex_init(&sync->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&sync->changed, &clock);
	pthread_condattr_destroy(&clock);
	/* The loop handles signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&sync->thread, NULL, sync_thread, sync);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		free(sync);
		return -r;
	}
	*ret = sync;
	return 0;
}

struct disk_sync *disk_sync_free(struct disk_sync *sync)
{
	if (!sync)
		return NULL;
	pthread_mutex_lock(&sync->lock);
	sync->stop = true;
	pthread_cond_signal(&sync->changed);
	pthread_mutex_unlock(&sync->lock);
	pthread_join(sync->thread, NULL);
	pthread_cond_destroy(&sync->changed);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
	return NULL;
}

void disk_sync_start(struct disk_sync *sync)
{
	pthread_mutex_lock(&sync->lock);
	if (!sync->wanted && !sync->busy)
		sync->progress_us = clock_now().monotonic_us;
	sync->wanted = true;
	pthread_cond_signal(&sync->changed);
	pthread_mutex_unlock(&sync->lock);
}

/* Whether the kernel waits for a device on behalf of the thread: state D of proc(5). */
static bool waits_for_disk(pid_t id)
{
	char path[64], line[256];
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)id);
	file = fopen(path, "re");
	if (!file)
		return false;
	end = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return end && strncmp(end, ") D", 3) == 0;
}

bool disk_sync_hangs(struct disk_sync *sync, struct stamp now)
{
	pid_t id;
	bool late;

	pthread_mutex_lock(&sync->lock);
	id = sync->id;
	late = (sync->wanted || sync->busy) &&
	       now.monotonic_us > sync->progress_us + DISK_SYNC_HANGS_US;
	pthread_mutex_unlock(&sync->lock);
	return late && !waits_for_disk(id);
}

int disk_sync_result(struct disk_sync *sync)
{
	int r;

	pthread_mutex_lock(&sync->lock);
	r = sync->wanted || sync->busy ? -EINPROGRESS : sync->result;
	if (r != -EINPROGRESS)
		sync->result = 0;
	pthread_mutex_unlock(&sync->lock);
	return r;
}
