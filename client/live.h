/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one line that tells how a running restore is doing: stage, operation, percent, and how long
 * the phone has been silent against its budget. Only text; where it stands is the caller's. */
#pragma once

#include "client/fields.h"
#include "client/text_layout.h"

#define LIVE_BYTES 384

/* Writes the line for a Session that the daemon told `age_us` ago, cut to the layout's width, and
 * in red where the phone is over its budget. `session` NULL: nobody watches. `running_us` is how
 * long the restore has been running. */
void live_line(const struct layout *layout, struct json_object *session, int64_t age_us,
	int64_t running_us, char out[static LIVE_BYTES]);
