/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deletes old data from the casebook after the time that the administrator set. If the clock jumps
 * years ahead, it deletes nothing that is in use. */
#pragma once

#include "daemon/sealer.h"

struct retention;

struct retention_options {
	uint32_t records_days;	/* for sealed sessions; 0 = for ever */
	uint32_t attempts_days; /* for whole attempts; 0 = for ever */
};

/* Runs once per hour. The sealer must outlive it. Returns 0 or a negative errno; the caller owns
 * *ret: retention_free(). */
int retention_new(struct loop *loop, const struct retention_options *options, struct sealer *sealer,
	struct retention **ret);
/* Changes the times, from the next hour on. */
void retention_set(struct retention *retention, const struct retention_options *options);
struct retention *retention_free(struct retention *retention);
DEFINE_FREEP(struct retention, retention_free)
