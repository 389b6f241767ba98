/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a program from the loop: what it prints is collected, up to a limit, and it is killed
 * at a deadline. The loop never waits for it. Knows no question and no answer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

#define PHONE_RUN_OUTPUT_MAX (1u << 16) /* bytes; a program that prints more is killed */

enum phone_run_result {
	PHONE_RUN_DONE,	     /* it ended by itself with status 0: what it printed counts */
	PHONE_RUN_FAILED,    /* it ended in another way */
	PHONE_RUN_OVERDUE,   /* it was killed at the deadline */
	PHONE_RUN_TOO_LONG,  /* it was killed for what it printed */
	PHONE_RUN_CANCELLED, /* phone_run_cancel() */
};

struct phone_run;

/* From the loop, once, when no process is left. `output` lives until the run is freed, which the
 * callback may do. */
typedef void phone_run_ended(
	void *user, enum phone_run_result result, const char *output, size_t length);

/* Starts `program` (phone_process_start()). Returns 0, or a negative errno without any callback.
 * The caller owns *ret: phone_run_free(). */
int phone_run_start(struct loop *loop, const char *program, const char *const arguments[],
	uint64_t deadline_us, phone_run_ended *ended, void *user, struct phone_run **ret);
/* Kills it; `ended` follows from the loop. */
void phone_run_cancel(struct phone_run *run);
/* Kills it where it has not ended, without any callback. NULL is fine; returns NULL. */
struct phone_run *phone_run_free(struct phone_run *run);
DEFINE_FREEP(struct phone_run, phone_run_free)
