/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/source_states.h"

#include "common/base/text.h"

static struct source_state *find(struct source_states *states, const char *name)
{
	for (size_t i = 0; i < states->count; i++)
		if (text_equal(states->states[i].name, name))
			return &states->states[i];
	return NULL;
}

void source_states_observe(void *user, const struct event *record)
{
	struct source_states *states = user;
	struct source_state *state;

	if (record->kind != EVENT_SOURCE)
		return;
	states->changes++;
	state = find(states, record->name);
	if (!state) {
		if (states->count == SOURCE_STATES_MAX)
			return;
		state = &states->states[states->count++];
		text_copy(state->name, sizeof(state->name), record->name);
	}
	state->up = record->code == 0;
	state->not_installed = record->code == SOURCE_STATE_NOT_INSTALLED;
	text_clean(record->text, record->text_length, state->detail, sizeof(state->detail));
}

void source_states_remove(struct source_states *states, const char *name)
{
	struct source_state *state = find(states, name);

	states->changes++;
	if (state)
		*state = states->states[--states->count];
}
