/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session machine: what one restore waits for, which detach it announced, how it ended and what
 * iTunes would have called that. (state, event, now) -> (state, effects); it records nothing
 * itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/attempt.h"
#include "common/model/budget.h"
#include "common/model/identity.h"
#include "common/model/port_health.h"

#define SESSION_EFFECTS_MAX 4 /* conclusions from one event */

/* One session. `attempt` is all that its records say; the rest is the machine's. */
struct session {
	struct attempt attempt;
	struct identity identity;
	bool running;
	bool has_tool;		     /* begun by `run`: the tool's log is fed in */
	bool tool_lives;	     /* it has ended, judged without its tool, which runs on */
	const struct budget *budget; /* what the session waits for; NULL = nothing */
	uint64_t waiting_since_us;
	bool overrun_told;	/* that this wait is past its budget */
	uint64_t heard_us;	/* monotonic: the last sign of life of the tool or the phone */
	uint64_t tool_heard_us; /* monotonic: the last word of `run` about its tool */
	struct port_health portwatch;
};

/* A session before its first record. */
void session_init(struct session *session, bool has_tool);
/* What a USB product that normal and restore mode share is in this session, where it comes at `at`.
 */
enum device_mode session_resolve_mode(
	const struct session *session, enum device_mode mode, struct stamp at);
/* The mode that the attempt's records show last. */
enum device_mode session_mode(const struct session *session);
/* Draws conclusions from an event that was just folded into the attempt; `before` is the mode that
 * session_mode() told before it. Writes at most SESSION_EFFECTS_MAX events, to be recorded in
 * order, and returns how many. */
size_t session_react(struct session *session, const struct event *event, enum device_mode before,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Keeps a record and returns its sequence; 0 = it has none. */
typedef uint64_t session_recorder(void *user, const struct event *event);
/* Records an event of the session, folds it, and the same with the conclusions from it: what a
 * bench does, for those who have one session alone. */
void session_feed(
	struct session *session, const struct event *event, session_recorder *record, void *user);
/* The same for conclusions that session_tick() or session_finish() drew. */
void session_keep(struct session *session, const struct event effects[], size_t count,
	session_recorder *record, void *user);
/* Ends a running session whose log is over: as its tool's end does, with no exit status known.
 * Returns the number of effects. */
size_t session_finish(
	struct session *session, struct stamp at, struct event effects[static SESSION_EFFECTS_MAX]);
/* Takes what its port shows of a restore whose log nobody reads: transfers are all that is heard of
 * its phone. Returns the number of effects: that they go on after a silence. */
size_t session_hear_transfers(struct session *session, struct stamp now,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Whether its tool's log still comes in: it runs, or its tool outlives it. */
bool session_is_open(const struct session *session);
/* Goes on with a session whose records were read back: its wait begins now. */
void session_resume(struct session *session, struct stamp now);
/* Reports a wait that is past its budget, once, and concludes nothing from it. */
size_t session_overrun(struct session *session, struct stamp now, uint32_t budget_percent,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Draws conclusions from the time alone, as session_react() does from an event. */
size_t session_tick(struct session *session, struct stamp now, uint32_t budget_percent,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* The monotonic time at which session_tick() has something to say at the earliest; 0 = never. */
uint64_t session_deadline(const struct session *session, uint32_t budget_percent);
/* Ends a running session as one whose end nobody saw, or, where nothing shows that a restore had
 * begun, as not started. Returns 1: the number of effects. */
size_t session_lose(struct session *session, struct stamp now, const char *why,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* True where an ended session still takes this event of its phone: where it comes back, the errors
 * that keep it away, that usbmuxd had ended, which may be heard after the tool that it took along,
 * or that usbmuxd does not show the phone any more. */
bool session_takes_late(const struct session *session, const struct event *event);
/* What the session concludes from such an event. Returns the number of effects. */
size_t session_react_late(struct session *session, const struct event *event,
	struct event effects[static SESSION_EFFECTS_MAX]);
