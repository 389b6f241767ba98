/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of each source, from its last EVENT_SOURCE, for `status`. */
#pragma once

#include <stdbool.h>

#include "common/model/event.h"

#define SOURCE_STATES_MAX 16

struct source_state {
	char name[NAME_SIZE];
	bool up;
	bool not_installed;
	char detail[256]; /* why it is down; empty = no reason */
};

struct source_states {
	struct source_state states[SOURCE_STATES_MAX];
	size_t count;
	uint64_t changes; /* so far */
};

/* A recorder_observer. */
void source_states_observe(void *states, const struct event *record);
/* Removes a source that is no longer used. */
void source_states_remove(struct source_states *states, const char *name);
