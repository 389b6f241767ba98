/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manages the ring's file: opens it, syncs it to disk soon after each record, replaces it after it
 * is removed, and reports its state as the source "ring". It reads no record. */
#pragma once

#include "common/model/event.h"
#include "common/store/ring_file.h"
#include "daemon/loop.h"

struct ring_keeper;

struct ring_keeper_options {
	const char *state_dir;
	uint64_t bytes;
	event_sink *sink;		 /* gets EVENT_SOURCE "ring" when the state changes */
	void (*on_replaced)(void *user); /* the file is new: readers must start over */
	void *user;
};

/* Opens the ring. If its file is unusable, it opens a ring in memory and reports that: a ring that
 * a restart loses is better than none. Returns 0, -EBUSY if another daemon uses the file, or
 * another negative errno. The options are copied, texts borrowed. The caller owns *ret. */
int ring_keeper_new(
	struct loop *loop, const struct ring_keeper_options *options, struct ring_keeper **ret);
struct ring_keeper *ring_keeper_free(struct ring_keeper *keeper);
DEFINE_FREEP(struct ring_keeper, ring_keeper_free)

struct ring_file *ring_keeper_file(struct ring_keeper *keeper);
struct ring *ring_keeper_ring(struct ring_keeper *keeper);
const struct ring_reader *ring_keeper_reader(const struct ring_keeper *keeper);
/* Whether the thread that writes it to disk hangs. */
bool ring_keeper_hangs(const struct ring_keeper *keeper, struct stamp now);
/* Reports the state at the opening to the sink. */
void ring_keeper_report(struct ring_keeper *keeper);
/* A recorder_observer: a new record in the ring must go to disk. */
void ring_keeper_observe(void *keeper, const struct event *record);
