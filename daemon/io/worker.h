/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread for what may block, one job at a time. The loop never waits for it: a job that takes too
 * long is given up, and the thread takes no other until it returns. It knows no job's meaning. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

/* One thing to do. It belongs to the worker from worker_start() on. */
struct worker_job {
	/* In the thread: may block, and touches nothing but the job. */
	void (*run)(struct worker_job *job);
	/* In either thread, once nobody needs it any more. */
	void (*free)(struct worker_job *job);
};

enum worker_news {
	WORKER_DONE,	/* the job has run: its results count */
	WORKER_OVERDUE, /* it did not return in time; its results will not count */
	WORKER_BACK,	/* an overdue job has returned: the worker takes jobs again */
};

/* From the loop. `job` lives until the call returns; it is NULL but for WORKER_DONE. May start the
 * next job, but not free the worker. */
typedef void worker_told(void *user, enum worker_news news, struct worker_job *job);

struct worker;

/* Starts the thread. A job is overdue after `deadline_us`. Returns 0, -ENOMEM, or an errno of
 * eventfd(2) and pthread_create(3). The caller owns *ret: worker_free(). */
int worker_new(struct loop *loop, uint64_t deadline_us, worker_told *told, void *user,
	struct worker **ret);
/* Ends the worker without waiting: a thread that is in a job is left to itself, and frees what it
 * holds when it returns. NULL is fine; returns NULL. */
struct worker *worker_free(struct worker *worker);
DEFINE_FREEP(struct worker, worker_free)

/* Hands a job over. Returns 0, or -EBUSY, with the job still the caller's, while another runs. */
int worker_start(struct worker *worker, struct worker_job *job);
