/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges a phone once after news of it (the end of a session, a late error, what people add), and
 * records an EVENT_DIAGNOSIS where the verdict has changed. It stores nothing: the ring holds what
 * it recorded. */
#pragma once

#include <stdbool.h>

#include "common/store/store.h"
#include "daemon/loop.h"

struct diagnoser;

/* `sink` records the EVENT_DIAGNOSIS. The store must outlive the diagnoser. Returns 0 or a
 * negative errno; the caller owns *ret: diagnoser_free(). */
int diagnoser_new(struct loop *loop, struct store *store, event_sink *sink, void *user,
	struct diagnoser **ret);
struct diagnoser *diagnoser_free(struct diagnoser *diagnoser);
DEFINE_FREEP(struct diagnoser, diagnoser_free)

/* A record of an earlier run of the daemon: the last verdict is known from it. */
void diagnoser_replay(struct diagnoser *diagnoser, const struct event *event);
/* A recorder_observer: news makes the phone due. Any other record costs nothing. */
void diagnoser_observe(void *diagnoser, const struct event *record);
/* News of a phone that is no record: an attempt was added. */
void diagnoser_judge_phone(struct diagnoser *diagnoser, const struct identity *identity);
/* True while a phone is due: its verdict is not made yet. */
bool diagnoser_is_due(const struct diagnoser *diagnoser);
/* Judges all that is due now, without a timer. */
void diagnoser_finish(struct diagnoser *diagnoser);
/* Forgets a phone. */
void diagnoser_forget(struct diagnoser *diagnoser, const struct identity *identity);
