/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/rig/fake_time.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "daemon/loop.h"

struct loop_timer {
	TAILQ_ENTRY(loop_timer) entry;
	loop_callback *callback;
	void *user;
	uint64_t due_us; /* monotonic; 0 = it does not run */
};

static TAILQ_HEAD(, loop_timer) timers = TAILQ_HEAD_INITIALIZER(timers);
static struct stamp now;

struct stamp clock_now(void)
{
	return now;
}

void fake_time_set(struct stamp stamp)
{
	now = stamp;
}

static void move_to(uint64_t monotonic_us)
{
	if (monotonic_us <= now.monotonic_us)
		return;
	now.wall_us += monotonic_us - now.monotonic_us;
	now.monotonic_us = monotonic_us;
}

static struct loop_timer *next_timer(void)
{
	struct loop_timer *timer, *next = NULL;

	TAILQ_FOREACH(timer, &timers, entry)
	if (timer->due_us && (!next || timer->due_us < next->due_us))
		next = timer;
	return next;
}

void fake_time_pass(uint64_t until_us)
{
	struct loop_timer *timer;

	while ((timer = next_timer()) && timer->due_us <= until_us) {
		move_to(timer->due_us);
		timer->due_us = 0;
		timer->callback(timer->user);
	}
	move_to(until_us);
}

int loop_timer_new(struct loop *loop, loop_callback *callback, void *user, struct loop_timer **ret)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return -ENOMEM;
	timer->callback = callback;
	timer->user = user;
	TAILQ_INSERT_TAIL(&timers, timer, entry);
	*ret = timer;
	return 0;
}

int loop_timer_start(struct loop_timer *timer, uint64_t delay_us)
{
	timer->due_us = now.monotonic_us + delay_us;
	return 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
	timer->due_us = 0;
}

struct loop_timer *loop_timer_free(struct loop_timer *timer)
{
	if (timer)
		TAILQ_REMOVE(&timers, timer, entry);
	free(timer);
	return NULL;
}
