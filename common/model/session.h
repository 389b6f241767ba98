/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session machine of one restore: its current wait, announced detaches, its end and the code
 * that iTunes would show. (state, event, now) -> (state, effects); it records nothing itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/attempt.h"
#include "common/model/budget.h"
#include "common/model/identity.h"
#include "common/model/port_health.h"

#define SESSION_EFFECTS_MAX 4 /* conclusions from one event */

/* One session. `attempt` is the fold of its records; the other fields belong to the machine. */
struct session {
	struct attempt attempt;
	struct identity identity;
	bool running;
	bool partial;		     /* replayed without its beginning: the ring has lost it */
	bool has_tool;		     /* started by `run`: it has the tool's log */
	bool tool_lives;	     /* it has ended, but its tool still runs */
	const struct budget *budget; /* the current wait; NULL = none */
	uint64_t waiting_since_us;
	bool overrun_told;	/* the overrun of this wait has been reported */
	uint64_t heard_us;	/* monotonic: the last sign of life of the tool or the phone */
	uint64_t tool_heard_us; /* monotonic: the last message of `run` about its tool */
	uint64_t bus_heard_us;	/* monotonic: the bus last showed its dialogue; 0 = it does not */
	struct port_health portwatch;
	size_t measured;      /* measurements that it has */
	uint64_t measured_us; /* monotonic: the time of the last one */
	/* Of a replayed session: usbmuxd has listed its phone since it came to USB. */
	bool listed;
};

/* A session before its first record. */
void session_init(struct session *session, bool has_tool);
/* The mode, in this session at time `at`, of a USB product shared by normal and restore mode. */
enum device_mode session_resolve_mode(
	const struct session *session, enum device_mode mode, struct stamp at);
/* The last mode in the attempt's records. */
enum device_mode session_mode(const struct session *session);
/* Draws conclusions from an event that was just folded into the attempt; `before` is the result of
 * session_mode() before that event. Writes at most SESSION_EFFECTS_MAX events, to be recorded in
 * order, and returns their number. */
size_t session_react(struct session *session, const struct event *event, enum device_mode before,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Stores a record and returns its sequence; 0 = none. */
typedef uint64_t session_recorder(void *user, const struct event *event);
/* Records and folds an event of the session and the conclusions from it, like a bench, for callers
 * with only one session. */
void session_feed(
	struct session *session, const struct event *event, session_recorder *record, void *user);
/* The same for conclusions of session_tick() or session_finish(). */
void session_keep(struct session *session, const struct event effects[], size_t count,
	session_recorder *record, void *user);
/* Ends a running session at the end of its log, like an end of its tool with unknown exit status.
 * Returns the number of effects. */
size_t session_finish(
	struct session *session, struct stamp at, struct event effects[static SESSION_EFFECTS_MAX]);
/* Handles transfers at the port of a restore without a log: they are the only sign of life of its
 * phone. Returns the number of effects: transfers resumed after a silence. */
size_t session_hear_transfers(struct session *session, struct stamp now,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* The bus shows no dialogue any more: idevicetriage-link has stopped. */
void session_unhear(struct session *session);
/* Whether its tool's log may still arrive: the session is running, or its tool outlives it. */
bool session_is_open(const struct session *session);
/* Resumes a replayed session: its wait begins now. */
void session_resume(struct session *session, struct stamp now);
/* Reports a wait that is past its budget, once, and concludes nothing from it. */
size_t session_overrun(struct session *session, struct stamp now, uint32_t budget_percent,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Draws conclusions from the time alone, as session_react() does from an event. */
size_t session_tick(struct session *session, struct stamp now, uint32_t budget_percent,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* The earliest monotonic time at which session_tick() can return an effect; 0 = never. */
uint64_t session_deadline(const struct session *session, uint32_t budget_percent);
/* Ends a running session as lost (its end was not seen), or as not started if nothing shows that a
 * restore began. Returns 1: the number of effects. */
size_t session_lose(struct session *session, struct stamp now, const char *why,
	struct event effects[static SESSION_EFFECTS_MAX]);
/* Ends a running session that nobody watches any more, where the records end: by the phone's final
 * status if it is among them, else with an unknown end. Returns the number of effects, without a
 * time: when it ended is unknown too. */
size_t session_abandon(struct session *session, struct event effects[static SESSION_EFFECTS_MAX]);
/* True if an ended session still accepts this event of its phone: its return, errors that prevent
 * it, an exit of usbmuxd (which may be reported after the end of the tool that it caused), or
 * usbmuxd dropping the phone. */
bool session_takes_late(const struct session *session, const struct event *event);
/* Draws conclusions from such an event. Returns the number of effects. */
size_t session_react_late(struct session *session, const struct event *event,
	struct event effects[static SESSION_EFFECTS_MAX]);
