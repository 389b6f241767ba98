/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one way of an event into the daemon: source -> bench -> ring -> observers. Also holds the
 * logs of the tools that `run` watches. It opens no file and no socket. */
#pragma once

#include <stddef.h>

#include "common/ring/ring.h"
#include "common/model/bench.h"
#include "common/store/conditions.h"
#include "daemon/loop.h"

#define RECORDER_RUNS_MAX 64	 /* tools watched at once */
#define RECORDER_OBSERVERS_MAX 8 /* modules that see each record */

/* Called with each record after it stands in the ring; `record` lives until it returns. An observer
 * may not feed the recorder: it starts a timer of its own. */
typedef void recorder_observer(void *user, const struct event *record);

struct recorder_options {
	const char *bench_name;
	uint32_t budget_percent; /* scales every budget; 100 = as the table has it */
	struct ring *ring;
	const struct conditions *conditions; /* recorded in each session at its port or phone */
	bench_read_port *read_port;	     /* facts of a port; NULL = none are known */
};

/* What `run` says of a tool that is about to start. Texts that are not known are NULL. */
struct recorder_run {
	const char *tool;
	const char *tool_version;
	const char *command_line;
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

/* Adds an observer; observers are called in the order in which they were added. */
void recorder_observe(struct recorder *recorder, recorder_observer *observer, void *user);
/* The bench, for reading. */
const struct bench *recorder_bench(const struct recorder *recorder);
/* A record of an earlier run of the daemon; recorder_resume() ends the replay. */
void recorder_replay(struct recorder *recorder, const struct event *event);
void recorder_resume(struct recorder *recorder, struct stamp now);
/* An event of a source: an event_sink. */
void recorder_feed(void *recorder, const struct event *event);

/* As bench_forget(). */
size_t recorder_forget(
	struct recorder *recorder, const struct identity *identity, uint64_t before_us);

enum run_outcome {
	RUN_OK = 0,
	RUN_TOO_MANY = 1, /* RECORDER_RUNS_MAX are watched */
	RUN_UNKNOWN = 2,  /* no such session */
	RUN_ENDED = 3,	  /* the session has ended, or was not begun by `run` */
};

/* These three return an enum run_outcome, or -ENOMEM. */

/* Begins the session of a tool. */
int recorder_begin_run(struct recorder *recorder, struct stamp now, const struct recorder_run *run,
	struct uuid *ret);
/* Takes `length` bytes of the tool's log that begin at its byte `offset`. Bytes that are there
 * already are passed over; bytes after a gap are refused. *ret_offset is how many bytes of the log
 * are there now. */
int recorder_append_log(struct recorder *recorder, struct stamp now, const struct uuid *session,
	uint64_t offset, const char *bytes, size_t length, uint64_t *ret_offset);
/* Ends it: the tool left with `status`, 0 to 255, or by a signal, then its number negated. */
int recorder_end_run(
	struct recorder *recorder, struct stamp now, const struct uuid *session, int64_t status);
/* A condition of a place has changed: the sessions that run there record it. */
void recorder_set_condition(struct recorder *recorder, struct stamp now, const struct place *place,
	const struct condition *condition);
