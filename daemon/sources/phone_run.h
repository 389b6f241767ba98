/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program from the loop: collects its output, up to a limit, and kills it at a deadline. The
 * loop never waits for it. It does not interpret the arguments or the output. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

#define PHONE_RUN_OUTPUT_MAX (1u << 16) /* bytes; a program that prints more is killed */

enum phone_run_result {
	PHONE_RUN_DONE,	     /* exited with status 0: its output is valid */
	PHONE_RUN_FAILED,    /* ended in another way */
	PHONE_RUN_OVERDUE,   /* killed at the deadline */
	PHONE_RUN_TOO_LONG,  /* killed because of the size of its output */
	PHONE_RUN_CANCELLED, /* phone_run_cancel() */
};

struct phone_run;

/* Called once, from the loop, when no process is left. `output` lives until the run is freed; the
 * callback may free it. */
typedef void phone_run_ended(
	void *user, enum phone_run_result result, const char *output, size_t length);

/* Starts `program` (phone_process_start()). Returns 0, or a negative errno without a callback. The
 * caller owns *ret: phone_run_free(). */
int phone_run_start(struct loop *loop, const char *program, const char *const arguments[],
	uint64_t deadline_us, phone_run_ended *ended, void *user, struct phone_run **ret);
/* Kills the program; `ended` follows from the loop. */
void phone_run_cancel(struct phone_run *run);
/* Kills the program if it is still running, without a callback. NULL is fine; returns NULL. */
struct phone_run *phone_run_free(struct phone_run *run);
DEFINE_FREEP(struct phone_run, phone_run_free)
