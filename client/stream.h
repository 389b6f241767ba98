/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream of the daemon that goes on over its restarts, until a signal ends this program. */
#pragma once

#include "client/rpc.h"

/* What follows a stream. */
struct stream {
	const char *method;
	/* Shows one reply; returns the sequence that it brings the stream to, 0 for none. */
	int64_t (*show)(struct context *context, void *user, struct json_object *reply);
	/* Called when nothing has come for `tick_ms`; NULL = never. */
	void (*tick)(struct context *context, void *user);
	int tick_ms;
	void *user;
};

/* Calls the method with `parameters` (taken), built with `builder`, over `connection` (taken) and
 * shows each reply. After a lost connection says so, connects again and goes on `after` what was
 * shown. Returns only when the daemon refuses or ends the stream: an exit code. */
int stream_run(struct context *context, struct connection *connection, const struct stream *stream,
	struct json_builder *builder, struct json_object *parameters);
