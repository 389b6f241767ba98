/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/io/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>

/* What both threads see. It lives until the last of the two lets go of it. */
struct shared {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct worker_job *job; /* to be run, or that runs */
	bool finished;		/* `job` has run, and waits for the loop */
	bool stop;		/* the loop has let go: the thread frees it all */
	int signal_fd;		/* eventfd: `finished` was set */
};

struct worker {
	struct shared *shared;
	pthread_t thread;
	worker_told *told;
	void *user;
	uint64_t deadline_us;
	struct loop_io *io;
	struct loop_timer *timer;
	bool busy;    /* a job was handed over and has not come back */
	bool overdue; /* and it was given up */
};

static struct shared *shared_free(struct shared *shared)
{
	if (!shared)
		return NULL;
	if (shared->job)
		shared->job->free(shared->job);
	if (shared->signal_fd >= 0)
		close(shared->signal_fd);
	pthread_cond_destroy(&shared->changed);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
	return NULL;
}
DEFINE_FREEP(struct shared, shared_free)

static void *work(void *argument)
{
	struct shared *shared = argument;

	pthread_mutex_lock(&shared->lock);
	while (!shared->stop) {
		struct worker_job *job = shared->job;

		if (!job || shared->finished) {
			pthread_cond_wait(&shared->changed, &shared->lock);
			continue;
		}
		pthread_mutex_unlock(&shared->lock);
		job->run(job);
		pthread_mutex_lock(&shared->lock);
		shared->finished = true;
		eventfd_write(shared->signal_fd, 1);
	}
	pthread_mutex_unlock(&shared->lock);
	shared_free(shared);
	return NULL;
}

static void on_finished(void *user, unsigned ready)
{
	struct worker *worker = user;
	struct shared *shared = worker->shared;
	struct worker_job *job = NULL;
	bool was_overdue = worker->overdue;
	eventfd_t count;

	eventfd_read(shared->signal_fd, &count);
	pthread_mutex_lock(&shared->lock);
	if (shared->finished) {
		job = TAKE_PTR(shared->job);
		shared->finished = false;
	}
	pthread_mutex_unlock(&shared->lock);
	if (!job)
		return;
	worker->busy = false;
	worker->overdue = false;
	loop_timer_stop(worker->timer);
	worker->told(
		worker->user, was_overdue ? WORKER_BACK : WORKER_DONE, was_overdue ? NULL : job);
	job->free(job);
}

static void on_deadline(void *user)
{
	struct worker *worker = user;

	worker->overdue = true;
	worker->told(worker->user, WORKER_OVERDUE, NULL);
}

static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int r;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, work, worker->shared);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_detach(worker->thread);
	return -r;
}

static int new_shared(struct shared **ret)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return -ENOMEM;
	pthread_mutex_init(&shared->lock, NULL);
	pthread_cond_init(&shared->changed, NULL);
	shared->signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared->signal_fd < 0) {
		int r = -errno;

		shared_free(shared);
		return r;
	}
	*ret = shared;
	return 0;
}

int worker_new(
	struct loop *loop, uint64_t deadline_us, worker_told *told, void *user, struct worker **ret)
{
	CLEANUP(shared_freep) struct shared *shared = NULL;
	CLEANUP(worker_freep) struct worker *worker = NULL;
	int r;

	assert(loop && deadline_us && told && ret);
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	worker->told = told;
	worker->user = user;
	worker->deadline_us = deadline_us;
	r = new_shared(&shared);
	if (r < 0)
		return r;
	r = loop_timer_new(loop, on_deadline, worker, &worker->timer);
	if (r < 0)
		return r;
	r = loop_watch(loop, shared->signal_fd, LOOP_READ, on_finished, worker, &worker->io);
	if (r < 0)
		return r;
	worker->shared = shared;
	r = start_thread(worker);
	if (r < 0) {
		worker->shared = NULL;
		return r;
	}
	shared = NULL;
	*ret = TAKE_PTR(worker);
	return 0;
}

struct worker *worker_free(struct worker *worker)
{
	struct shared *shared;

	if (!worker)
		return NULL;
	loop_io_free(worker->io);
	loop_timer_free(worker->timer);
	shared = worker->shared;
	if (shared) {
		/* The thread frees it: at once where it is idle, else when its job returns. */
		pthread_mutex_lock(&shared->lock);
		shared->stop = true;
		pthread_cond_signal(&shared->changed);
		pthread_mutex_unlock(&shared->lock);
	}
	free(worker);
	return NULL;
}

int worker_start(struct worker *worker, struct worker_job *job)
{
	struct shared *shared = worker->shared;

	if (worker->busy)
		return -EBUSY;
	worker->busy = true;
	pthread_mutex_lock(&shared->lock);
	shared->job = job;
	pthread_cond_signal(&shared->changed);
	pthread_mutex_unlock(&shared->lock);
	loop_timer_start(worker->timer, worker->deadline_us);
	return 0;
}
