/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream of the daemon that survives its restarts, until a signal or a deadline. */
#pragma once

#include "client/rpc.h"

/* The consumer of a stream. */
struct stream {
	const char *method;
	/* Shows one reply. Returns its last sequence, 0 for none; -EAGAIN to call the method again,
	 * -ECANCELED to end the stream with EXIT_REFUSED. */
	int64_t (*show)(struct context *context, void *user, struct json_object *reply);
	/* Called after `tick_ms` without a reply; NULL = never. */
	void (*tick)(struct context *context, void *user);
	int tick_ms;
	uint64_t deadline_us; /* monotonic: when to give up; 0 = never */
	void *user;
};

/* Calls the method with `parameters`, built with `builder`, over `connection`, and shows each
 * reply; takes ownership of both. After a lost connection it reports that, reconnects and continues
 * `after` the last shown reply. Returns an exit code if the daemon refuses or ends the
 * stream, or -ETIME at the deadline. */
int stream_run(struct context *context, struct connection *connection, const struct stream *stream,
	struct json_builder *builder, struct json_object *parameters);
