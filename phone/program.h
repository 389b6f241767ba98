/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts and ends the program that talks to phones. The library that it uses blocks, spins and ends
 * its process at some answers, so it is never linked into the daemon or the command: one process
 * serves one question, and can be killed at any time. Reads nothing of what it prints. */
#pragma once

#include <sys/types.h>

#include "common/base/clock.h"

/* The program gives a phone so long for a whole answer, which takes some 50 ms ... */
#define PHONE_ANSWER_US (3 * USEC_PER_SEC)
/* ... and who started it kills it after so long. */
#define PHONE_DEADLINE_US (5 * USEC_PER_SEC)

struct phone_process {
	pid_t pid;
	int output; /* its standard output, not blocking */
	int end;    /* a pidfd: readable once it has ended */
};

/* Where the program is installed, or what IDEVICETRIAGE_PHONE_PROGRAM names instead. */
const char *phone_program_path(void);

/* Starts `program` with `arguments` (the first is its name, NULL ends them), leader of a process
 * group, with /dev/null for its input and errors and no other descriptor of ours. Returns 0, or a
 * negative errno with *ret untouched. The caller owns *ret: phone_process_end(). */
int phone_process_start(
	const char *program, const char *const arguments[], struct phone_process *ret);
/* Kills the program and what it started in its group. Does not wait: `end` becomes readable. */
void phone_process_kill(const struct phone_process *process);
/* Kills them, reaps the program and closes the descriptors. Waits for a program that has not ended
 * yet, which after the kill is a moment, but never longer than a second. Returns the status of
 * waitpid(2), or -1 where it did not end. */
int phone_process_end(struct phone_process *process);
