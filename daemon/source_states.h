/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which sources are up, from their last EVENT_SOURCE: what `status` shows. */
#pragma once

#include <stdbool.h>

#include "common/model/event.h"

#define SOURCE_STATES_MAX 16

struct source_state {
	char name[NAME_SIZE];
	bool up;
	char detail[256]; /* why it is down; empty = nothing to say */
};

struct source_states {
	struct source_state states[SOURCE_STATES_MAX];
	size_t count;
};

/* A recorder_observer. */
void source_states_observe(void *states, const struct event *record);
/* A source that is not used any more. */
void source_states_remove(struct source_states *states, const char *name);
