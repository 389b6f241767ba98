/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joins the bench with the logs of the tools that `run` watches: every event goes through it into
 * the ring and to whoever follows. It opens no file and no socket, and reads no clock. */
#pragma once

#include <stddef.h>

#include "common/triage/bench.h"
#include "daemon/standing.h"

#define ENGINE_RUNS_MAX 64 /* tools watched at once */

/* What the engine hands on. `append` keeps a record and returns its sequence, 0 where that failed;
 * `publish` gets each record after it was kept. */
struct engine_outputs {
	uint64_t (*append)(void *user, const struct event *event);
	void (*publish)(void *user, const struct event *event);
	void *user;
};

/* What `run` tells of a tool that is about to start. Texts that are not known are NULL. */
struct engine_run {
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

struct engine;

/* Returns NULL when memory is out. The outputs are copied; `standing` must outlive the engine: what
 * holds there is recorded in each session that it names, as soon as that is known of the session,
 * unless the session has been told otherwise. */
struct engine *engine_new(const char *bench_name, uint32_t budget_percent,
	const struct engine_outputs *outputs, const struct standing *standing);
struct engine *engine_free(struct engine *engine);
DEFINE_FREEP(struct engine, engine_free)

/* The bench, for reading. */
const struct bench *engine_bench(const struct engine *engine);
/* A record of an earlier run of the daemon; engine_resume() ends the replay. */
void engine_replay(struct engine *engine, const struct event *event);
void engine_resume(struct engine *engine, struct stamp now);
/* An event of a source: an event_sink. */
void engine_feed(void *engine, const struct event *event);
/* As bench_look(). */
void engine_look(struct engine *engine, struct stamp now, bench_read_port *read, void *user);
/* As bench_tick(). */
uint64_t engine_tick(struct engine *engine, struct stamp now);

/* As bench_forget(). */
size_t engine_forget(struct engine *engine, const struct identity *identity, uint64_t before_us);

/* Begins the session of a tool. Returns 0, -EBUSY with ENGINE_RUNS_MAX running, or -ENOMEM. */
int engine_begin_run(
	struct engine *engine, struct stamp now, const struct engine_run *run, struct uuid *ret);
/* Takes `length` bytes of the tool's log that begin at its byte `offset`. What is there already is
 * passed over, and a gap is not taken. *ret_offset is how many bytes of the log are there now.
 * Returns 0, -ENOENT for no such session, -ESHUTDOWN for one that has ended, or -ENOMEM. */
int engine_append_log(struct engine *engine, struct stamp now, const struct uuid *session,
	uint64_t offset, const char *bytes, size_t length, uint64_t *ret_offset);
/* Ends it: the tool left with `status`, 0 to 255, or by a signal, then its number negated. Returns
 * 0, -ENOENT or -ESHUTDOWN. */
int engine_end_run(
	struct engine *engine, struct stamp now, const struct uuid *session, int64_t status);
/* A standing condition was changed: the sessions that run there are told. */
void engine_tell_condition(struct engine *engine, struct stamp now, const struct place *place,
	const struct condition *condition);
