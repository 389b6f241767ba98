/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream of the daemon that goes on over its restarts, until a signal ends this program. */
#pragma once

#include "client/ask.h"

/* Shows one reply; returns the sequence that it brings the stream to, 0 for none. */
typedef int64_t stream_show(struct context *context, struct json_object *reply);

/* Calls `method` with `parameters` (taken), built with `builder`, over `connection` (taken) and
 * shows each reply. After a lost connection says so, connects again and goes on `after` what was
 * shown. Returns only when the daemon refuses or ends the stream: an exit code. */
int stream_run(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, stream_show *show);
