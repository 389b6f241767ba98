/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The restore tool as a child: started with its output going to memory, so that nothing can make it
 * wait, and watched for its end. Knows nothing of what the tool does. */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/id.h"

struct tool {
	pid_t pid;
	bool ended;
	bool killed; /* by `number`; else it left with the exit status `number` */
	int number;
};

/* Exit statuses of a tool that never ran, as shells have them. */
enum { TOOL_NOT_EXECUTABLE = 126, TOOL_NOT_FOUND = 127 };

/* Starts `argv` with standard output and error going to `log_fd`, standard input inherited, and the
 * signal mask `mask`. Standard output is line-buffered through stdbuf(1) where that is installed.
 * *announced, in memory that the child shares, is its process before the tool runs.
 * Returns 0, or a negative errno of the exec (-ENOENT, -EACCES…) with *tool untouched. */
int tool_start(
	struct tool *tool, char **argv, int log_fd, const sigset_t *mask, _Atomic pid_t *announced);
/* Learns whether the tool has ended; call it at SIGCHLD. */
void tool_reap(struct tool *tool);
/* What `run` exits with: the status, or 128 plus the signal. */
int tool_exit_code(const struct tool *tool);
/* What the tool's own -i, --ecid, -u or --udid name: *ecid is 0 and udid empty where nothing does.
 * An argument that is neither is passed over: other tools use these letters for other things. */
void tool_named_phone(const char *const *argv, uint64_t *ecid, char udid[static UDID_SIZE]);
/* The word of a command line that is the restore tool, behind sudo and the like; `argv` itself
 * where no word is a tool that is known. */
char **tool_word(char **argv);
/* Whether the tool may be asked for its version while it runs: one whose --version does nothing
 * else. A script by that name may do anything. */
bool tool_may_be_asked(const char *word);
