/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of one bench: its phones, and its running and ended sessions. It converts events of the
 * sources into records of sessions and adds the conclusions of the session machine. It reads no
 * clock, opens no file and diagnoses nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"
#include "common/model/case.h"
#include "common/model/mux_visibility.h"
#include "common/model/session.h"

#define BENCH_SESSIONS_MAX 1024 /* the oldest that has ended is replaced */

/* One phone of the device table. The port is the current or the last one. */
struct bench_device {
	struct identity identity;
	char port[PORT_SIZE];
	enum device_mode mode;	    /* MODE_GONE if it is not on the bench */
	enum device_mode left_mode; /* the mode in which it left; MODE_UNKNOWN = it has not left */
	uint64_t left_us;	    /* monotonic: when it left */
	enum device_mode listed_mode;  /* of MODE_USB_ONLY: the mode before usbmuxd lost it */
	struct boot_program program;   /* of recovery or DFU mode, the last known one */
	bool on_usb;		       /* the USB source sees it */
	bool on_mux;		       /* usbmuxd lists it */
	struct stamp changed;	       /* the last attach or detach */
	struct mux_visibility listing; /* whether usbmuxd lists it as expected */
};

/* Stores a record and returns its sequence in the ring. */
typedef uint64_t bench_record(void *user, const struct event *event);
/* Creates the id of a session that begins at `now`. */
typedef struct uuid bench_make_id(void *user, struct stamp now);

struct bench;

/* Creates a bench with no devices. `name` labels this computer in its sessions, `host_id`
 * identifies it (empty = unknown). Returns NULL when out of memory. `budget_percent` scales every
 * budget (100 = unchanged). */
struct bench *bench_new(const char *name, const char *host_id, uint32_t budget_percent,
	bench_record *record, bench_make_id *make_id, void *user);
struct bench *bench_free(struct bench *bench);
DEFINE_FREEP(struct bench, bench_free)

/* Changes the scale of the budgets. */
void bench_set_budget_percent(struct bench *bench, uint32_t budget_percent);

/* Records one event of a source and the conclusions of the session machine. An event with a session
 * belongs to it; for any other, the phone determines the session. */
void bench_feed(struct bench *bench, const struct event *event);
/* Replays a record of an earlier run of the daemon, oldest first; records nothing. */
void bench_replay(struct bench *bench, const struct event *event);
enum bench_measured {
	BENCH_MEASURED,
	BENCH_NO_RESTORE, /* no restore of the phone is running */
	BENCH_THINNED,	  /* the session has enough of them, or another one just before */
};

/* Records a measurement, whose time may be earlier, in the running restore of its phone. It is no
 * sign of life, and nothing is concluded from it. Sets *ret to the session, unless there is
 * none. */
enum bench_measured bench_measure(
	struct bench *bench, const struct event *event, struct stamp now, struct uuid *ret);
/* Deletes replayed sessions that have ended and whose beginning the ring has lost, if `is_kept`
 * says that they are stored as a whole elsewhere. */
void bench_drop_partial(
	struct bench *bench, bool (*is_kept)(void *user, const struct uuid *session), void *user);
/* Ends the replay: sessions of `run` continue (their tool may still run), and those that the bus
 * shows; others end as lost. */
void bench_resume(struct bench *bench, struct stamp now);
/* Ends the replay where no daemon will continue: running sessions end as session_abandon(). */
void bench_abandon(struct bench *bench);
/* Records the waits that are past their budget at `now`. Returns the monotonic time of the next
 * call; 0 = after the next event. */
uint64_t bench_tick(struct bench *bench, struct stamp now);
/* Reads the facts of a port. Returns false if there are none. */
typedef bool bench_read_port(void *user, const char *port, struct port_facts *ret);
/* Reads the ports of the running sessions and records changes. */
void bench_look(struct bench *bench, struct stamp now, bench_read_port *read, void *user);
/* Reports a sign of life of the session's tool that is not an event. */
void bench_hear(struct bench *bench, const struct uuid *session, struct stamp now);

/* Deletes ended sessions of a phone, or of all if `identity` is NULL, that began before `before_us`
 * (wall clock; 0 = at any time), and the phone itself if it has left and no session is left.
 * Returns their number. */
size_t bench_forget(struct bench *bench, const struct identity *identity, uint64_t before_us);
/* Deletes the ended sessions that are gone. */
void bench_forget_sessions(
	struct bench *bench, bool (*is_gone)(void *user, const struct uuid *session), void *user);

size_t bench_device_count(const struct bench *bench);
const struct bench_device *bench_device(const struct bench *bench, size_t index);
/* Finds a phone by ECID or UDID as written by people, or by port. NULL if there is none. */
const struct bench_device *bench_find_device(const struct bench *bench, const char *name);

/* The fault of usbmuxd for this phone; NULL = none known. */
const struct mux_fault *bench_mux_fault(
	const struct bench *bench, const struct bench_device *device);

/* Sessions are in the order of their start. */
size_t bench_session_count(const struct bench *bench);
const struct session *bench_session(const struct bench *bench, size_t index);
const struct session *bench_find_session(const struct bench *bench, const struct uuid *id);
/* Finds a phone by name among the devices, then among the sessions. Returns false if there is
 * none. */
bool bench_find_identity(const struct bench *bench, const char *name, struct identity *ret);

/* The length of the session's current wait in microseconds, and its budget; false if there is no
 * wait. */
bool bench_waiting(const struct bench *bench, const struct session *session, struct stamp now,
	uint64_t *ret_waited_us, uint64_t *ret_budget_us);
