/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log file that a tool writes beside its output: idevicerestore reopens its standard error onto
 * one since June 2025, and prints checkpoints, link events and the answers of the signing server
 * only there. Followed in /proc, and merged with the output into one stream for the daemon. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/run/logfile.h"

#define TOOL_LOG_SEEN 4096
#define TOOL_LOG_EARLY 64

struct tool_log {
	int fd;				/* the tool's own log; -1 = none was found */
	int64_t at;			/* what is merged of it */
	int64_t output_at;		/* what is merged of the output */
	struct logfile merged;		/* only `fd` and `copy` are in use */
	int64_t size;			/* of the merged stream */
	struct log_copy memory;		/* of the merged stream */
	uint64_t seen[TOOL_LOG_SEEN];	/* hashes of its newest lines, to drop their copies in the
					   output */
	uint64_t ahead[TOOL_LOG_SEEN];	/* hashes of its lines that are read and not merged */
	uint64_t early[TOOL_LOG_EARLY]; /* hashes of output that was sent before the log was found,
					   to drop its copies in the log */
	size_t early_count;
	unsigned behind; /* calls in a row after which the output had already more */
};

void tool_log_init(struct tool_log *log);
void tool_log_done(struct tool_log *log);
/* Looks whether the process `tool`, or one that it started, writes standard error into a file. If
 * so, the merged stream begins with the first `sent` bytes of `output`, and `watch_fd` of `output`
 * reports new lines of the file too. Of a file that it appends to, what stood there before is left
 * out. Returns whether there is one. */
bool tool_log_find(struct tool_log *log, const struct logfile *output, pid_t tool, int64_t sent);
/* Merges new lines of both; the output has `limit` bytes. If the tool has `ended`, incomplete lines
 * too. */
void tool_log_merge(struct tool_log *log, const struct logfile *output, int64_t limit, bool ended);
/* Releases memory of the merged stream before `offset`, once it is much. */
void tool_log_release(struct tool_log *log, int64_t offset);
