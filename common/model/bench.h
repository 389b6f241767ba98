/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that one bench knows: the phones on it, and the sessions that run or ran. It turns what the
 * sources saw into records of sessions, and adds the session machine's own conclusions. It reads no
 * clock, keeps no file and judges no cause. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"
#include "common/model/case.h"
#include "common/model/mux_visibility.h"
#include "common/model/session.h"

/* One phone of the device table. The port is the one it is on, or was on last. */
struct bench_device {
	struct identity identity;
	char port[PORT_SIZE];
	enum device_mode mode;	       /* MODE_GONE when it is not on the bench */
	enum device_mode left_mode;    /* the mode in which it left; MODE_UNKNOWN = it has not */
	uint64_t left_us;	       /* monotonic: when it left */
	enum device_mode listed_mode;  /* of MODE_USB_ONLY: the mode before usbmuxd lost it */
	struct boot_program program;   /* of recovery or DFU mode, the last that was known */
	bool on_usb;		       /* the USB source sees it */
	bool on_mux;		       /* usbmuxd lists it */
	struct stamp changed;	       /* the last attach or detach */
	struct mux_visibility listing; /* whether usbmuxd shows it as it ought to */
};

/* Keeps a record and returns its sequence in the ring. */
typedef uint64_t bench_record(void *user, const struct event *event);
/* Makes the id of a session that begins at `now`. */
typedef struct uuid bench_make_id(void *user, struct stamp now);

struct bench;

/* A bench with no devices. `name` labels this computer in its sessions. Returns NULL when memory is
 * out. `budget_percent` scales every budget (100 = as the table has it). */
struct bench *bench_new(const char *name, uint32_t budget_percent, bench_record *record,
	bench_make_id *make_id, void *user);
struct bench *bench_free(struct bench *bench);
DEFINE_FREEP(struct bench, bench_free)

/* Takes one event of a source, records it, and what the session machine concludes from it. An event
 * with a session belongs to it; any other finds its session by the phone. */
void bench_feed(struct bench *bench, const struct event *event);
/* Takes a record that was kept by an earlier run of the daemon, oldest first; records nothing. */
void bench_replay(struct bench *bench, const struct event *event);
/* Ends the replay: sessions of `run` go on (their tool may still run), others are ended as lost. */
void bench_resume(struct bench *bench, struct stamp now);
/* Tells the time: waits that ran over their budget are recorded. Returns the monotonic time at
 * which it wants to be called again; 0 = when the next event comes. */
uint64_t bench_tick(struct bench *bench, struct stamp now);
/* Reads what is known of a port. Returns false where nothing is. */
typedef bool bench_read_port(void *user, const char *port, struct port_facts *ret);
/* Looks at the ports of the sessions that run, and records what they show. */
void bench_look(struct bench *bench, struct stamp now, bench_read_port *read, void *user);
/* A sign of life of the session's tool that is not an event. */
void bench_hear(struct bench *bench, const struct uuid *session, struct stamp now);

/* Forgets sessions that have ended: those of a phone, or of all where `identity` is NULL, that
 * began before `before_us` (wall clock; 0 = at any time), and with them the phone where it has
 * gone. Returns how many. */
size_t bench_forget(struct bench *bench, const struct identity *identity, uint64_t before_us);

size_t bench_device_count(const struct bench *bench);
const struct bench_device *bench_device(const struct bench *bench, size_t index);
/* By ECID or UDID as people write them, or by the port. NULL when there is none. */
const struct bench_device *bench_find_device(const struct bench *bench, const char *name);

/* What is wrong with usbmuxd, seen from this phone; NULL = nothing that is known. */
const struct mux_fault *bench_mux_fault(
	const struct bench *bench, const struct bench_device *device);

/* Sessions stand in the order in which they began. */
size_t bench_session_count(const struct bench *bench);
const struct session *bench_session(const struct bench *bench, size_t index);
const struct session *bench_find_session(const struct bench *bench, const struct uuid *id);
/* Finds a phone by name among the devices and, where it is not there any more, the sessions.
 * Returns false when no such phone is known. */
bool bench_find_identity(const struct bench *bench, const char *name, struct identity *ret);

/* How long the session has waited, in microseconds, and its budget; false when it waits for
 * nothing. */
bool bench_waiting(const struct bench *bench, const struct session *session, struct stamp now,
	uint64_t *ret_waited_us, uint64_t *ret_budget_us);

/* The case of a phone: copies of its attempts. The caller owns *ret: triage_case_free(). Returns 0
 * or -ENOMEM. */
int bench_case(
	const struct bench *bench, const struct identity *identity, struct triage_case **ret);
/* The case of a session's phone; the session alone where its phone was never identified. */
int bench_session_case(
	const struct bench *bench, const struct session *session, struct triage_case **ret);
