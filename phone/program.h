/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts and ends idevicetriage-phone. libimobiledevice blocks, spins or exits on some answers, so
 * it is never linked into the daemon or the command: each process handles one question, and can be
 * killed at any time. This module does not read the output. */
#pragma once

#include <sys/types.h>

#include "common/base/clock.h"

/* The program's own limit for a whole answer, which normally takes 50 ms. */
#define PHONE_ANSWER_US (3 * USEC_PER_SEC)
/* The program is killed after this time. */
#define PHONE_DEADLINE_US (5 * USEC_PER_SEC)

struct phone_process {
	pid_t pid;
	int output; /* its standard output, not blocking */
	int end;    /* a pidfd: readable after it has ended */
};

/* The installed path of the program, or the value of IDEVICETRIAGE_PHONE_PROGRAM. */
const char *phone_program_path(void);

/* Starts `program` with `arguments` (the first is its name, NULL the end) as leader of a process
 * group, with /dev/null as its input and error output and none of our other descriptors. Returns 0,
 * or a negative errno with *ret untouched. The caller owns *ret: phone_process_end(). */
int phone_process_start(
	const char *program, const char *const arguments[], struct phone_process *ret);
/* Kills the program and its process group. Does not wait: `end` becomes readable. */
void phone_process_kill(const struct phone_process *process);
/* Kills the process group, reaps the program and closes the descriptors. It waits for the program
 * to end, which takes a moment after the kill, for one second at most. Returns the status of
 * waitpid(2), or -1 if it did not end. */
int phone_process_end(struct phone_process *process);
