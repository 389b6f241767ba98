/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of a tool. The tool writes it into memory: no disk, no reader and no end of `run` can
 * break it, block it or end it. A separate process, which lives as long as the tool, copies it to a
 * file. This module follows and reads the output; it never changes it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Who reads the output looks at it at once, and then not again for so long: each look takes
 * processor time from a tool that writes many lines. */
#define LOGFILE_PAUSE_MS 10

/* Shared by the copying process and `run`. */
struct log_copy {
	_Atomic pid_t tool;	 /* set by the tool's process before exec; 0 = not yet */
	_Atomic int64_t written; /* bytes of output in the file */
	_Atomic int64_t floor;	 /* memory has the output from here on */
	_Atomic int error;	 /* errno of the file: output is missing in it; 0 = none */
};

struct logfile {
	int fd;	      /* the output in memory, to read */
	int tool_fd;  /* the same, for the tool: always writable, at the end */
	int file_fd;  /* the file; -1 = it could not be created */
	int watch_fd; /* readable when there is new output; -1 = unavailable, poll instead */
	pid_t copier; /* the copying process; 0 = none */
	char *path;   /* of the file; owned */
	struct log_copy *copy; /* mapped */
	int64_t unwritten_max; /* bytes of output that memory keeps before the file has them */
};

/* Allocates memory for the output and creates the file: `wanted`, which must be absent or empty,
 * or, with NULL, a new one for `tool` in the log folder. Only its owner can read it. If the file
 * cannot be created, copy->error has the reason, and the call succeeds. Returns 0, or a negative
 * errno; -EEXIST: `wanted` has content or is not a regular file, -EBUSY: another `run` writes it,
 * and `path` names it. The caller calls logfile_done() in each case. */
int logfile_open(const char *wanted, const char *tool, struct logfile *ret);
/* Closes the descriptors of `run`. The copying process continues. */
void logfile_done(struct logfile *log);
/* Starts the copying process. Call it before the tool is started: from then on the log is
 * independent of `run`. The process ends after the process copy->tool has ended and the file is
 * complete, or when `run` ends without a tool. */
void logfile_copy(struct logfile *log);
/* Ends the copying process: the tool could not be started. */
void logfile_abandon(struct logfile *log);
/* Waits for the end of the copying, `most_ms` at most. Returns 0 if the file has the `size` bytes
 * of the output, -EINPROGRESS if it still goes on, or another negative errno. */
int logfile_finish(struct logfile *log, int64_t size, int most_ms);
/* Why the file is incomplete now: a negative errno; 0 = no known reason. */
int logfile_error(const struct logfile *log);
/* Bytes of output so far. */
int64_t logfile_size(const struct logfile *log);
/* Gives back memory, if there is too much: what the file has, and then what it does not have.
 * Both processes call it: a disk that hangs blocks the copying one. */
void logfile_limit(const struct logfile *log);
/* Reads at `offset`. Returns the bytes read, 0 at the end or after an error. */
size_t logfile_read(const struct logfile *log, int64_t offset, char *bytes, size_t size);
/* From now on, this process does not interrupt the tool when there is output: it waits until the
 * tool waits or its turn is over. The tool must not inherit this. */
void logfile_give_way(void);
/* Clears the notification: `watch_fd` becomes readable at the next new output. */
void logfile_noticed(const struct logfile *log);
/* The path for the log of `tool` in the log folder, or, with NULL, the folder. The caller frees it;
 * NULL = out of memory. */
char *logfile_default_path(const char *tool);

/* log_copier.c: a process that copies a tool's output from memory to the file. It ends with the
 * tool, not with `run`; a hanging disk blocks only this process. */

/* Copies until the tool has ended and the file is complete or has failed; then exits. `run` is the
 * process that starts the tool. Call it only in a forked process. */
_Noreturn void log_copier_run(struct logfile *log, pid_t run);
