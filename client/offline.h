/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be told with no daemon running: from its ring file, read-only, by the same engine. Each
 * takes `error`, the negative errno for which the daemon was not reached, and says that once; each
 * returns an exit code. */
#pragma once

#include "client/client.h"
#include "client/fields.h"

/* Shows the records of `session` (as a person types it; NULL = all) after the sequence `after`. */
int offline_log(struct context *context, int error, const char *session, int64_t after);
/* The sessions of `device` (as a person types it; NULL = all), at most `limit` (negative = all), in
 * the shape of ListSessions' reply. *ret is the caller's on EXIT_DONE. */
int offline_sessions(struct context *context, int error, const char *device, int64_t limit,
	struct json_object **ret);
/* Diagnoses the phone that `text` names (NULL = that of the newest session), in the shape of
 * Diagnose's reply. *ret is the caller's on EXIT_DONE. */
int offline_diagnosis(
	struct context *context, int error, const char *text, struct json_object **ret);
