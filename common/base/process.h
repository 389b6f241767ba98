/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts another program, without a shell, and what a program needs at its own start. It waits for
 * nothing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* In place of a descriptor. */
#define PROCESS_NULL (-1) /* /dev/null */
#define PROCESS_OURS (-2) /* the one of this program */

/* Starts `program`, which is searched for in PATH unless its name has a slash, with these standard
 * streams and no other descriptor. It leads a process group of its own, and no signal is blocked or
 * ignored. Returns 0 with its process in *ret, which the caller reaps, or a negative errno of
 * posix_spawn(3). */
int process_spawn(
	const char *program, const char *const argv[], int in, int out, int error, pid_t *ret);

/* Opens what of the standard streams is closed, so that no file gets its number: it would get the
 * messages that are meant for the stream. Reading and writing still fail, and a program that is
 * started finds the stream closed. */
void process_hold_streams(void);
/* Makes the kernel keep the exit status of children. A parent that ignores SIGCHLD, which programs
 * inherit, has turned that off. Returns whether it had. */
bool process_keep_children(void);
