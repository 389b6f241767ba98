/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only way for an event into the daemon: source -> bench -> ring -> observers. It also collects
 * the logs of tools that run under `run`. It opens no file and no socket. */
#pragma once

#include <stddef.h>

#include "common/ring/ring.h"
#include "common/model/bench.h"
#include "common/store/conditions.h"
#include "daemon/loop.h"

#define RECORDER_RUNS_MAX 64	      /* tools at the same time */
#define RECORDER_RUNS_PER_USER_MAX 32 /* of these, of one user who is not the administrator */
#define RECORDER_ADMINISTRATOR 0      /* as `owner` of a call: may act for any run */
#define RECORDER_LINES_MAX 1000	 /* of one piece of a log: more would block the loop too long */
#define RECORDER_OBSERVERS_MAX 8 /* modules that get each record */

/* Called with each record after it is in the ring; `record` lives until the call returns. An
 * observer must not feed the recorder: it starts its own timer. */
typedef void recorder_observer(void *user, const struct event *record);

struct recorder_options {
	const char *bench_name;
	const char *host_id;
	uint32_t budget_percent; /* scales every budget; 100 = as in the table */
	struct ring *ring;
	const struct conditions
		*conditions;	    /* recorded in each session at their port or of their phone */
	bench_read_port *read_port; /* facts of a port; NULL = none available */
};

/* What `run` reports about a tool before it starts. Unknown texts are NULL. */
struct recorder_run {
	uint32_t owner; /* the user's number + 1, or RECORDER_ADMINISTRATOR */
	const char *tool;
	const char *tool_version;
	const char *command_line;
	const char *log; /* the file with its output */
	uint32_t user;	 /* who runs it */
	const char *ticket;
	uint64_t ecid;
	const char *udid;
	const char *port;
	const struct condition *conditions;
	size_t condition_count;
};

struct recorder;

/* The options are copied; what they point to must outlive the recorder. Returns 0 or a negative
 * errno; the caller owns *ret: recorder_free(). */
int recorder_new(struct loop *loop, const struct recorder_options *options, struct recorder **ret);
struct recorder *recorder_free(struct recorder *recorder);
DEFINE_FREEP(struct recorder, recorder_free)

/* As bench_set_budget_percent(). */
void recorder_set_budget_percent(struct recorder *recorder, uint32_t budget_percent);
/* Adds an observer; observers are called in the order in which they were added. */
void recorder_observe(struct recorder *recorder, recorder_observer *observer, void *user);
/* The bench, read-only. */
const struct bench *recorder_bench(const struct recorder *recorder);
/* Replays a record of an earlier daemon; recorder_resume() ends the replay. */
void recorder_replay(struct recorder *recorder, const struct event *event);
/* As bench_drop_partial(). */
void recorder_drop_partial(struct recorder *recorder,
	bool (*is_kept)(void *user, const struct uuid *session), void *user);
void recorder_resume(struct recorder *recorder, struct stamp now);
/* An event_sink: records an event of a source. */
void recorder_feed(void *recorder, const struct event *event);

/* As bench_forget(). */
size_t recorder_forget(
	struct recorder *recorder, const struct identity *identity, uint64_t before_us);

/* As bench_forget_sessions(). */
void recorder_forget_sessions(struct recorder *recorder,
	bool (*is_gone)(void *user, const struct uuid *session), void *user);

enum run_outcome {
	RUN_OK = 0,
	RUN_TOO_MANY = 1, /* RECORDER_RUNS_MAX tools already run, or too many of this user */
	RUN_UNKNOWN = 2,  /* no such session */
	RUN_ENDED = 3,	  /* the session has ended, or did not begin with `run` */
	RUN_FOREIGN = 4,  /* another user began it */
};

/* The next three return an enum run_outcome, or -ENOMEM. */

/* Begins the session of a tool. */
int recorder_begin_run(struct recorder *recorder, struct stamp now, const struct recorder_run *run,
	struct uuid *ret);
/* Appends `length` bytes of the tool's log, which start at its byte `offset`. Bytes that are
 * already stored are skipped; bytes after a gap are rejected, and lines after RECORDER_LINES_MAX.
 * *ret_offset is the number of stored bytes. */
int recorder_append_log(struct recorder *recorder, struct stamp now, uint32_t owner,
	const struct uuid *session, uint64_t offset, const char *bytes, size_t length,
	uint64_t *ret_offset);
/* Ends the session. `status` is the tool's exit status, 0 to 255, or the negated number of the
 * signal that killed it. */
int recorder_end_run(struct recorder *recorder, struct stamp now, uint32_t owner,
	const struct uuid *session, int64_t status);
/* As bench_measure(). */
enum bench_measured recorder_measure(
	struct recorder *recorder, const struct event *event, struct stamp now, struct uuid *ret);
/* Records a changed condition of a place in the sessions that run there. */
void recorder_set_condition(struct recorder *recorder, struct stamp now, const struct place *place,
	const struct condition *condition);
