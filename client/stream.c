/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 5000

/* Shows replies until the stream breaks (a negative errno) or ends (an exit code). */
static int follow(struct context *context, struct connection *connection,
	const struct stream *stream, int64_t *after)
{
	for (;;) {
		struct varlink_reply reply = {0};
		bool continues;
		int64_t sequence;
		int r = connection_wait(connection, stream->tick ? stream->tick_ms : -1, &reply);

		if (r == -ETIMEDOUT) {
			stream->tick(context, stream->user);
			continue;
		}
		if (r < 0)
			return r;
		if (reply.error) {
			r = rpc_refused(&reply);
			varlink_reply_done(&reply);
			return r;
		}
		sequence = stream->show(context, stream->user, reply.parameters);
		if (sequence > *after)
			*after = sequence;
		continues = reply.continues;
		varlink_reply_done(&reply);
		if (sequence < 0)
			return (int)sequence;
		if (ferror(context->layout.out))
			return EXIT_REFUSED;
		if (!continues)
			return EXIT_DONE;
	}
}

/* Waits for the daemon to return. */
static int reconnect(struct context *context, struct connection **ret)
{
	int pause = PAUSE_FIRST_MS;

	for (;;) {
		int r = connection_open(context->socket, ret);

		if (r == 0)
			return 0;
		if (r == -EACCES || r == -ENAMETOOLONG || r == -ENOMEM)
			return r;
		poll(NULL, 0, pause);
		pause = pause * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause * 2;
	}
}

int stream_run(struct context *context, struct connection *connection, const struct stream *stream,
	struct json_builder *builder, struct json_object *parameters)
{
	CLEANUP(connection_freep) struct connection *owned = connection;
	CLEANUP(json_object_putp) struct json_object *call = parameters;
	int64_t after = 0;

	for (;;) {
		int r = connection_send(
			owned, builder, stream->method, json_object_get(call), true);

		if (r == 0)
			r = follow(context, owned, stream, &after);
		if (r >= 0)
			return r;
		if (r == -ECANCELED)
			return EXIT_REFUSED;
		if (r != -EAGAIN)
			report_error("The connection to the daemon broke (%s); waiting for the "
				     "daemon.",
				strerror(-r));
		owned = connection_free(owned);
		r = reconnect(context, &owned);
		if (r < 0)
			return rpc_unreachable(context, r);
		if (after > 0)
			json_put_number(builder, call, "after", after);
	}
}
