/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deletes from the casebook what is older than the administrator wants it stored. A clock that
 * jumps years ahead deletes nothing that a bench still uses. */
#pragma once

#include "daemon/sealer.h"

struct retention;

struct retention_options {
	uint32_t records_days;	/* of sealed sessions; 0 = for ever */
	uint32_t attempts_days; /* whole attempts; 0 = for ever */
};

/* Works once an hour. The sealer must outlive it. Returns 0 or a negative errno; the caller owns
 * *ret: retention_free(). */
int retention_new(struct loop *loop, const struct retention_options *options, struct sealer *sealer,
	struct retention **ret);
struct retention *retention_free(struct retention *retention);
DEFINE_FREEP(struct retention, retention_free)
