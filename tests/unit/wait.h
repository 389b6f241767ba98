/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of adapters: keeps the events they give, and serves the loop until something holds. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/model/event.h"
#include "daemon/loop.h"

#define WAIT_MAX_US (20 * USEC_PER_SEC)
#define WAIT_LOOK_US 500
#define KEPT_EVENTS_MAX 8192

struct kept_event {
	struct event event; /* its text points to `text` */
	char text[256];
};

struct kept_events {
	size_t count;
	struct kept_event list[KEPT_EVENTS_MAX];
};

/* An event_sink; user = struct kept_events. */
static inline void keep_event(void *user, const struct event *event)
{
	struct kept_events *events = user;
	struct kept_event *kept;

	assert_true(events->count < KEPT_EVENTS_MAX);
	assert_true(event->kind != EVENT_NONE && event->source != SOURCE_NONE);
	assert_true(event->at.monotonic_us > 0 && event->at.wall_us > 0);
	kept = &events->list[events->count++];
	kept->event = *event;
	snprintf(kept->text, sizeof(kept->text), "%.*s", (int)event->text_length,
		event->text ? event->text : "");
	kept->event.text = kept->text;
}

static inline size_t count_events(const struct kept_events *events, enum event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < events->count; i++)
		count += events->list[i].event.kind == kind;
	return count;
}

/* The event of that kind with that place among its kind, from 0; fails the test without it. */
static inline const struct event *nth_event(
	const struct kept_events *events, enum event_kind kind, size_t place)
{
	for (size_t i = 0; i < events->count; i++) {
		if (events->list[i].event.kind == kind && place-- == 0)
			return &events->list[i].event;
	}
	fail_msg("no such event");
	return NULL;
}

struct wait {
	struct loop *loop;
	struct loop_timer *timer;
	bool (*holds)(void *user);
	void *user;
	uint64_t deadline_us;
	bool held;
};

static inline void wait_look(void *user)
{
	struct wait *wait = user;

	wait->held = wait->holds(wait->user);
	if (wait->held || clock_now().monotonic_us > wait->deadline_us)
		loop_quit(wait->loop, 0);
	else
		loop_timer_start(wait->timer, WAIT_LOOK_US);
}

/* Serves the loop until `holds`; false when it did not in WAIT_MAX_US. */
static inline bool wait_until(struct loop *loop, bool (*holds)(void *user), void *user)
{
	struct wait wait = {
		.loop = loop,
		.holds = holds,
		.user = user,
		.deadline_us = clock_now().monotonic_us + WAIT_MAX_US,
	};

	assert_int_equal(loop_timer_new(loop, wait_look, &wait, &wait.timer), 0);
	loop_timer_start(wait.timer, 0);
	loop_run(loop);
	loop_timer_free(wait.timer);
	return wait.held;
}

/* The open descriptors of this process. */
static inline size_t count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}
