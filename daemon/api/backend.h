/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the API asks of the rest of the daemon: functions that main fills in. All are called in the
 * loop's thread and answer at once. Nothing here knows JSON or sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"
#include "common/triage/event.h"
#include "common/triage/verdict.h"
#include "common/wire/records.h"

#define API_SOURCES_MAX 16

/* Texts are borrowed until the loop's next turn. */
struct api_source {
	const char *name;
	bool up;
	const char *detail; /* why it is down; NULL = nothing to say */
};

struct api_status {
	const char *bench;
	uint64_t started_us; /* wall clock, microseconds since 1970 */
	struct api_source sources[API_SOURCES_MAX];
	size_t source_count;
	uint64_t ring_bytes;
	uint64_t first_sequence; /* of the oldest record; 0 = the ring is empty */
	uint64_t last_sequence;
	uint64_t damaged_records;
};

/* What BeginRun tells of a tool that is about to start. Texts that are not known are NULL; they are
 * valid UTF-8 from the socket, of any length and with control characters: clean them. `udid` and
 * `port` are checked for their form alone. */
struct api_run {
	const char *tool;
	const char *tool_version;
	const char *command_line;
	const char *ticket;
	uint64_t ecid; /* 0 = not known */
	const char *udid;
	const char *port;
	const struct condition *conditions;
	size_t condition_count;
};

/* What Diagnose is asked about: a device by its name (ECID, UDID or port), a session, or, with
 * neither, the device of the newest session. */
struct api_diagnose {
	const char *device;	    /* NULL = not told */
	const struct uuid *session; /* NULL = not told */
};

/* Fills *ret with the next record. Returns 1, 0 where there is none left, or -EINVAL. Its text
 * lives until the next call. */
typedef int api_next_record(void *context, struct event *ret);

struct api_purge {
	const char *device; /* NULL = all */
	uint64_t before_us; /* 0 = of any time */
};

/* Which sessions to visit. */
struct api_sessions {
	const char *device; /* ECID, UDID or port; NULL = any */
	bool running;	    /* only those that run */
};

/* Each is called once an item, during the call it was given to; what it gets lives until it
 * returns. Returning false ends the visit. */
typedef bool api_visit_device(void *context, const struct device_record *device);
typedef bool api_visit_session(void *context, const struct session_record *session);
typedef bool api_visit_record(void *context, const struct event *event);

typedef bool api_visit_group(void *context, const struct group_record *group);

/* What holds at a port, or for a phone, until it is changed. */
struct api_place {
	const char *port; /* NULL = a phone */
	const struct identity *identity;
	const struct condition *conditions;
	size_t count;
};
typedef void api_visit_place(void *context, const struct api_place *place);

/* All functions must be set. `user` is handed to each. Results: 0, or a negative errno; those with
 * a meaning of their own are named, any other is told to the caller as a failure. */
struct api_backend {
	void *user;
	uint32_t running_max; /* sessions that may run at once; told when begin_run gives -EBUSY */

	/* Fills *ret, which is zeroed. */
	void (*status)(void *user, struct api_status *ret);
	/* Each phone on the bench, and those that were. */
	void (*devices)(void *user, api_visit_device *visit, void *context);
	/* Sessions, newest first. -ENODEV: no such device is known. */
	int (*sessions)(void *user, const struct api_sessions *query, api_visit_session *visit,
		void *context);
	/* The one session. -ENOENT: no such session. */
	int (*session)(void *user, const struct uuid *id, api_visit_session *visit, void *context);
	/* Records with a sequence higher than `after`, oldest first, of one session or (NULL) of
	 * all. *ret_lost: records after `after` that are gone, up to the last one that was visited;
	 * 0 where `after` is 0 (from the oldest that is left). */
	int (*records)(void *user, const struct uuid *session, uint64_t after,
		api_visit_record *visit, void *context, uint64_t *ret_lost);
	/* Diagnoses: fills *ret, then calls `device` once for the phone and `attempt` for each
	 * session of its case, newest first. -ENODEV, -ENOENT: none by that name, or nothing seen
	 * yet. */
	int (*diagnose)(void *user, const struct api_diagnose *query, struct verdict *ret,
		api_visit_device *device, api_visit_session *attempt, void *context);

	/* -EBUSY: as many run as may. */
	int (*begin_run)(void *user, const struct api_run *run, struct uuid *ret);
	/* `length` bytes of the tool's log that begin at its byte `offset`; *ret_offset: bytes of
	 * the log that are there now. -ENOENT: no such session; -ESHUTDOWN: it has ended. */
	int (*append_log)(void *user, const struct uuid *session, uint64_t offset,
		const char *bytes, size_t length, uint64_t *ret_offset);
	/* The tool left with `status`, 0 to 255, or by a signal, then its number negated. -ENOENT,
	 * -ESHUTDOWN as above. */
	int (*end_run)(void *user, const struct uuid *session, int64_t status);

	/* Shows the places where conditions stand, or the one that `place` names. -ENODEV: it names
	 * no port and no phone. */
	int (*conditions)(void *user, const char *place, api_visit_place *visit, void *context);
	/* Sets conditions at a place; the value "unknown" forgets one. -ENODEV; -E2BIG: there is no
	 * room for more. */
	int (*set_conditions)(
		void *user, const char *place, const struct condition *conditions, size_t count);

	/* All that follow give -ENOLINK while the casebook cannot be used, where they need it. */

	/* Shows the phone, its notes, oldest first, as EVENT_NOTE, and its sessions, newest first.
	 * -ENODEV. */
	int (*get_case)(void *user, const char *device, api_visit_device *visit_device,
		api_visit_record *visit_note, api_visit_session *visit_session, void *context);
	/* Counts the newest attempts since then in groups by port, cable, bench, model, week or
	 * tool. *ret_most: as many attempts as are counted at most. -EDOM: no such word. */
	int (*statistics)(void *user, const char *by, uint64_t since_us, api_visit_group *visit,
		void *context, uint64_t *ret_most);
	/* Notes of a phone: `kind` is note or history. The text is valid UTF-8: clean it. -ENODEV;
	 * -E2BIG: the phone has as many notes as it may. */
	int (*add_note)(void *user, const char *device, const char *kind, const char *text);
	/* Adds the one attempt of a case file. Returns 1, 0 where it was there, -EBADMSG where it
	 * is not such a case file. */
	int (*add_attempt)(
		void *user, const char *case_text, size_t length, struct uuid *ret_session);
	/* -ENOENT: no such session; -EPERM: it was watched. */
	int (*add_records)(
		void *user, const struct uuid *session, api_next_record *next, void *context);
	/* The attempt as a case file; the caller frees *ret. -ENOENT: no such session. */
	int (*export_attempt)(void *user, const struct uuid *session, char **ret);
	/* -ENODEV; -EINPROGRESS: a restore of the phone runs. */
	int (*purge)(void *user, const struct api_purge *purge, uint64_t *ret_attempts);
};
