/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Live verdicts: judges a phone anew when there is news of it, and tells where its verdict has
 * become another one. It judges by history_diagnose() and keeps nothing: the ring has what it
 * told. */
#pragma once

#include <stdbool.h>

#include "common/casebook/history.h"

struct verdicts;

/* `tell` takes an EVENT_DIAGNOSIS to be recorded; `wake` asks for verdicts_advance() soon. */
struct verdicts_outputs {
	void (*tell)(void *user, const struct event *event);
	void (*wake)(void *user);
	void *user;
};

/* The history must outlive it; the outputs are copied. Returns NULL when memory is out. */
struct verdicts *verdicts_new(struct history *history, const struct verdicts_outputs *outputs);
struct verdicts *verdicts_free(struct verdicts *verdicts);
DEFINE_FREEP(struct verdicts, verdicts_free)

/* A record of an earlier run of the daemon: what was told last is known. */
void verdicts_replay(struct verdicts *verdicts, const struct event *event);
/* Looks at a record that was kept: at the end of a session, at what comes late for one, at what
 * people tell. It costs nothing for any other. */
void verdicts_note(struct verdicts *verdicts, const struct event *event);
/* There is news of a phone that is no record: an attempt was told. */
void verdicts_note_phone(struct verdicts *verdicts, const struct identity *identity);
/* Judges some of the phones that there is news of. Returns true where more are waiting. */
bool verdicts_advance(struct verdicts *verdicts, struct stamp now);
/* Forgets a phone. */
void verdicts_forget(struct verdicts *verdicts, const struct identity *identity);
