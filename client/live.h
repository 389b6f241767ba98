/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live line for a running restore: stage, operation, percent, and how long the phone has been
 * silent compared to its budget. It only makes the text; the caller displays it. */
#pragma once

#include "client/fields.h"
#include "client/text_layout.h"

#define LIVE_BYTES 384

/* Writes the line, after a `label` (may be NULL), for a Session that the daemon sent `age_us` ago,
 * truncated to the layout's width, in red if the phone is over its budget. `session` NULL: the
 * daemon is not watching. `running_us` is the duration of the restore so far. */
void live_line(const struct layout *layout, const char *label, struct json_object *session,
	int64_t age_us, int64_t running_us, char out[static LIVE_BYTES]);
