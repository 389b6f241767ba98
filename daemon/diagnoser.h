/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Diagnoses a phone once after each change (the end of a session, a late error, facts that people
 * add), and records an EVENT_DIAGNOSIS if the verdict is different. It stores nothing itself: the
 * ring stores its records. */
#pragma once

#include <stdbool.h>

#include "common/store/store.h"
#include "daemon/loop.h"

struct diagnoser;

/* The verdict that was recorded last, without its phone. */
struct latest_verdict {
	bool known;
	enum phase phase;
	enum strength strength;
	const char *cause; /* the first suspect's word; NULL = none, or of an earlier daemon */
	const char *title; /* the same for people */
	enum strength cause_strength;
};

/* `sink` records the EVENT_DIAGNOSIS. The store must outlive the diagnoser. Returns 0 or a
 * negative errno; the caller owns *ret: diagnoser_free(). */
int diagnoser_new(struct loop *loop, struct store *store, event_sink *sink, void *user,
	struct diagnoser **ret);
struct diagnoser *diagnoser_free(struct diagnoser *diagnoser);
DEFINE_FREEP(struct diagnoser, diagnoser_free)

/* Replays a record of an earlier daemon: sets the phone's last verdict. */
void diagnoser_replay(struct diagnoser *diagnoser, const struct event *event);
/* A recorder_observer: a relevant record makes its phone due. It ignores the others. */
void diagnoser_observe(void *diagnoser, const struct event *record);
/* Set before the record of the verdict reaches an observer; unknown after a purge. */
const struct latest_verdict *diagnoser_latest(const struct diagnoser *diagnoser);
/* Makes a phone due for a change without a record: an added attempt. Many attempts, one after the
 * other, are diagnosed together. */
void diagnoser_judge_phone(struct diagnoser *diagnoser, const struct identity *identity);
/* True while a session's verdict is due, that is, not recorded yet. */
bool diagnoser_is_due(const struct diagnoser *diagnoser);
/* Diagnoses all due phones now, without a timer. */
void diagnoser_finish(struct diagnoser *diagnoser);
/* Drops the state of a phone. */
void diagnoser_forget(struct diagnoser *diagnoser, const struct identity *identity);
