/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of a tool. The tool writes it into memory: no disk, no reader and no end of `run` can
 * fail it, make it wait or end it. A process of its own, which lives as long as the tool, copies it
 * to a file. Here the output is followed and read; it is never changed. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the copying process shares with `run`. */
struct log_copy {
	_Atomic pid_t tool; /* the tool's process sets it before it becomes the tool; 0 = not yet */
	_Atomic int64_t written; /* bytes of the output that the file has */
	_Atomic int64_t floor; /* memory has the output from here on; the file has what is before */
	_Atomic int error;     /* errno of the file: it lacks output; 0 = none */
};

struct logfile {
	int fd;	      /* the output in memory, to read */
	int tool_fd;  /* the same, for the tool: always writable, at the end */
	int file_fd;  /* the file; -1 = none could be created */
	int watch_fd; /* readable when there is new output; -1 = not available, look again */
	pid_t copier; /* the copying process; 0 = none */
	char *path;   /* of the file; owned */
	struct log_copy *copy; /* mapped */
};

/* Takes a piece of memory for the output, and creates the file: `wanted`, which must not have
 * content, or, with NULL, a new one for `tool` in the folder of logs. Readable by its owner alone.
 * A file that cannot be created is no failure: copy->error says why. Returns 0, or a negative
 * errno; -EEXIST: `wanted` has content or is no regular file, and `path` names it. The caller calls
 * logfile_done() in each case. */
int logfile_open(const char *wanted, const char *tool, struct logfile *ret);
/* Closes what `run` has of it. The copying process goes on. */
void logfile_done(struct logfile *log);
/* Starts the copying process. Call it before the tool is started: from then on the log needs nobody
 * else. It ends when the process copy->tool has ended and the file has all of its output, or when
 * this process ends with no tool started. */
void logfile_copy(struct logfile *log);
/* Waits for the end of the copying, `most_ms` at most. Returns 0 where the file has the `size`
 * bytes of the output, or a negative errno. */
int logfile_finish(struct logfile *log, int64_t size, int most_ms);
/* Why the file lacks output at this moment: a negative errno; 0 = it does not, as far as known. */
int logfile_error(const struct logfile *log);
/* Bytes of output at this moment. */
int64_t logfile_size(const struct logfile *log);
/* Reads at `offset`. Returns the bytes read, 0 at the end or after an error. */
size_t logfile_read(const struct logfile *log, int64_t offset, char *bytes, size_t size);
/* Takes note of new output: `watch_fd` is quiet until there is more. */
void logfile_noticed(const struct logfile *log);
/* Names the file of `tool` in the folder of logs, or, with NULL, that folder. The caller frees it;
 * NULL = out of memory. */
char *logfile_default_path(const char *tool);

/* log_copier.c: a process that copies the output of a tool from memory to the file. It ends with
 * the tool and not with `run`; a disk that hangs holds nobody but it. */

/* Copies until the tool has ended and all is in the file, or cannot be; then exits. `run` is the
 * process that starts the tool. Only for a process of its own. */
_Noreturn void log_copier_run(struct logfile *log, pid_t run);
