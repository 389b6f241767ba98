/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs another program to its end, within a time. No shell is involved, and the program's output is
 * that of this program: it is not read. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum command_end {
	COMMAND_ENDED,	   /* by itself */
	COMMAND_TIMED_OUT, /* it was ended at its limit */
	COMMAND_STOPPED,   /* it was ended because this program got a signal */
};

/* Runs `argv` as leader of a process group, with `input` on its standard input, which it need not
 * read. After `limit_us`, or if this program gets a signal to end, the group gets SIGTERM and
 * COMMAND_GRACE_US later SIGKILL. The signal then has its usual effect: it ends this program before
 * the function returns, unless the program handles it. Returns an enum command_end with the status
 * of waitpid(2) in *status (-1: it hangs in the kernel), or a negative errno with *status untouched
 * if it could not be started. SIGPIPE must be ignored. */
int bounded_command_run(
	char **argv, const char *input, size_t length, uint64_t limit_us, int *status);
