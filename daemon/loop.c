/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <event2/event.h>

#include "common/base/clock.h"

struct loop {
	struct event_base *base;
	int status;
	bool quit;
	uint64_t work_began_us;
	uint64_t turn_us; /* work since the last wait */
	uint64_t longest_us;
};

struct loop_io {
	struct loop *loop;
	struct event *event;
	loop_io_callback *callback;
	void *user;
};

struct loop_timer {
	struct loop *loop;
	struct event *event;
	loop_callback *callback;
	void *user;
};

struct loop_signal {
	struct loop *loop;
	struct event *event;
	loop_callback *callback;
	void *user;
};

int loop_new(struct loop **ret)
{
	CLEANUP(loop_freep) struct loop *loop = NULL;

	assert(ret);
	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->base = event_base_new();
	if (!loop->base)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	*ret = TAKE_PTR(loop);
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
	return NULL;
}

int loop_run(struct loop *loop)
{
	loop->quit = false;
	loop->status = 0;
	while (!loop->quit) {
		/* One turn at a time: the work time is reset between turns. */
		int r = event_base_loop(loop->base, EVLOOP_ONCE);

		if (loop->turn_us > loop->longest_us)
			loop->longest_us = loop->turn_us;
		loop->turn_us = 0;
		if (r < 0)
			return -EIO;
		if (r > 0)
			break;
	}
	return loop->status;
}

void loop_quit(struct loop *loop, int status)
{
	loop->quit = true;
	loop->status = status;
	event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

uint64_t loop_longest_stall_us(const struct loop *loop)
{
	return loop->longest_us > loop->turn_us ? loop->longest_us : loop->turn_us;
}

uint64_t loop_turn_us(const struct loop *loop)
{
	return loop->turn_us;
}

void loop_work_begin(struct loop *loop)
{
	loop->work_began_us = clock_now().monotonic_us;
}

void loop_work_end(struct loop *loop)
{
	loop->turn_us += clock_now().monotonic_us - loop->work_began_us;
}

static void io_ready(evutil_socket_t fd, short what, void *user)
{
	struct loop_io *io = user;
	struct loop *loop = io->loop; /* the callback may free `io` */
	unsigned ready = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);

	loop_work_begin(loop);
	io->callback(io->user, ready);
	loop_work_end(loop);
}

int loop_watch(struct loop *loop, int fd, unsigned interest, loop_io_callback *callback, void *user,
	struct loop_io **ret)
{
	CLEANUP(loop_io_freep) struct loop_io *io = NULL;
	short what = EV_PERSIST | (interest & LOOP_READ ? EV_READ : 0) |
		     (interest & LOOP_WRITE ? EV_WRITE : 0);

	assert(fd >= 0 && callback && ret);
	io = calloc(1, sizeof(*io));
	if (!io)
		return -ENOMEM;
	io->loop = loop;
	io->callback = callback;
	io->user = user;
	io->event = event_new(loop->base, fd, what, io_ready, io);
	if (!io->event)
		return -ENOMEM;
	if (event_add(io->event, NULL) < 0)
		return -EIO;
	*ret = TAKE_PTR(io);
	return 0;
}

struct loop_io *loop_io_free(struct loop_io *io)
{
	if (!io)
		return NULL;
	if (io->event)
		event_free(io->event);
	free(io);
	return NULL;
}

static void timer_fired(evutil_socket_t fd, short what, void *user)
{
	struct loop_timer *timer = user;
	struct loop *loop = timer->loop;

	loop_work_begin(loop);
	timer->callback(timer->user);
	loop_work_end(loop);
}

int loop_timer_new(struct loop *loop, loop_callback *callback, void *user, struct loop_timer **ret)
{
	CLEANUP(loop_timer_freep) struct loop_timer *timer = NULL;

	assert(callback && ret);
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	timer->loop = loop;
	timer->callback = callback;
	timer->user = user;
	timer->event = evtimer_new(loop->base, timer_fired, timer);
	if (!timer->event)
		return -ENOMEM;
	*ret = TAKE_PTR(timer);
	return 0;
}

int loop_timer_start(struct loop_timer *timer, uint64_t delay_us)
{
	struct timeval delay = {
		.tv_sec = (time_t)(delay_us / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(delay_us % USEC_PER_SEC),
	};

	return evtimer_add(timer->event, &delay) < 0 ? -EIO : 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
	evtimer_del(timer->event);
}

struct loop_timer *loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return NULL;
	if (timer->event)
		event_free(timer->event);
	free(timer);
	return NULL;
}

static void signal_came(evutil_socket_t number, short what, void *user)
{
	struct loop_signal *signal = user;
	struct loop *loop = signal->loop;

	loop_work_begin(loop);
	signal->callback(signal->user);
	loop_work_end(loop);
}

int loop_signal_new(struct loop *loop, int number, loop_callback *callback, void *user,
	struct loop_signal **ret)
{
	CLEANUP(loop_signal_freep) struct loop_signal *signal = NULL;

	assert(callback && ret);
	signal = calloc(1, sizeof(*signal));
	if (!signal)
		return -ENOMEM;
	signal->loop = loop;
	signal->callback = callback;
	signal->user = user;
	signal->event = evsignal_new(loop->base, number, signal_came, signal);
	if (!signal->event)
		return -ENOMEM;
	if (evsignal_add(signal->event, NULL) < 0)
		return -EIO;
	*ret = TAKE_PTR(signal);
	return 0;
}

struct loop_signal *loop_signal_free(struct loop_signal *signal)
{
	if (!signal)
		return NULL;
	if (signal->event)
		event_free(signal->event);
	free(signal);
	return NULL;
}
