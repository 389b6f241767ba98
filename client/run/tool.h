/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The restore tool as a child process: its output goes to memory, so that nothing can block it, and
 * its end is detected. This module does not interpret the output. */
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
	bool killed; /* by signal `number`; else it exited with status `number` */
	int number;
};

/* Exit statuses if the tool never ran, as in shells. */
enum { TOOL_NOT_EXECUTABLE = 126, TOOL_NOT_FOUND = 127 };

/* The signals as `run` was started with them: the tool inherits these, and not what `run` changes
 * for itself. */
struct tool_signals {
	sigset_t mask;
	struct sigaction pipe, child;
};

/* Executes `argv` in this process, with the signals `inherited` and the streams as they are.
 * Returns only if that fails: a negative errno. */
int tool_become(char **argv, const struct tool_signals *inherited);
/* Starts `argv` with standard output and error going to `log_fd`, standard input inherited, and the
 * signals `inherited`. stdbuf(1), if installed, makes standard output line-buffered. *announced, in
 * memory shared with the child, is set to its process id before the tool runs. Returns 0, or a
 * negative errno of the exec (-ENOENT, -EACCES…) with *tool untouched. */
int tool_start(struct tool *tool, char **argv, int log_fd, const struct tool_signals *inherited,
	_Atomic pid_t *announced);
/* Checks whether the tool has ended; call it at SIGCHLD. */
void tool_reap(struct tool *tool);
/* The exit status of `run`: the tool's status, or 128 plus the signal. */
int tool_exit_code(const struct tool *tool);
/* The phone named by the tool's own -i, --ecid, -u or --udid: *ecid is 0 and udid empty if none is.
 * Values that are neither are ignored: other tools use these letters for other options. */
void tool_named_phone(const char *const *argv, uint64_t *ecid, char udid[static UDID_SIZE]);
/* The word of a command line that is the restore tool, after sudo and similar; `argv` itself if no
 * word is a known tool. */
char **tool_word(char **argv);
/* Whether the word is a known restore tool. */
bool tool_is_known(const char *word);
/* Whether `run` may start the tool with --version: only tools that then do nothing else. A script
 * with such a name could do anything. */
bool tool_may_be_asked(const char *word);
