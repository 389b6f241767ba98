/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 5000

static bool is_over(const struct stream *stream, uint64_t now_us)
{
	return stream->deadline_us && now_us >= stream->deadline_us;
}

/* The milliseconds until the next tick or the deadline, but at most `most_ms`; -1 = for ever. */
static int time_left(const struct stream *stream, int most_ms)
{
	uint64_t now_us = clock_now().monotonic_us;
	uint64_t left_ms;

	if (!stream->deadline_us)
		return most_ms;
	if (is_over(stream, now_us))
		return 0;
	left_ms = (stream->deadline_us - now_us) / USEC_PER_MSEC + 1;
	if (most_ms >= 0 && left_ms > (uint64_t)most_ms)
		return most_ms;
	return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Shows replies until the stream breaks (a negative errno) or ends (an exit code). */
static int follow(struct context *context, struct connection *connection,
	const struct stream *stream, int64_t *after)
{
	for (;;) {
		struct varlink_reply reply = {0};
		bool continues;
		int64_t sequence;
		int r = connection_wait(
			connection, time_left(stream, stream->tick ? stream->tick_ms : -1), &reply);

		if (r == -ETIMEDOUT && is_over(stream, clock_now().monotonic_us))
			return -ETIME;
		if (r == -ETIMEDOUT) {
			if (stream->tick)
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
		if (is_over(stream, clock_now().monotonic_us))
			return -ETIME;
		if (ferror(context->layout.out))
			return EXIT_REFUSED;
		if (!continues)
			return EXIT_DONE;
	}
}

/* Waits for the daemon to return. */
static int reconnect(struct context *context, const struct stream *stream, struct connection **ret)
{
	int pause = PAUSE_FIRST_MS;

	for (;;) {
		int r = connection_open(context->socket, ret);

		if (r == 0)
			return 0;
		if (r == -EACCES || r == -ENAMETOOLONG || r == -ENOMEM)
			return r;
		poll(NULL, 0, time_left(stream, pause));
		if (is_over(stream, clock_now().monotonic_us))
			return -ETIME;
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
		if (r == -ETIME)
			return r;
		if (r != -EAGAIN)
			report_error("The connection to the daemon broke (%s); waiting for the "
				     "daemon.",
				strerror(-r));
		owned = connection_free(owned);
		r = reconnect(context, stream, &owned);
		if (r == -ETIME)
			return r;
		if (r < 0)
			return rpc_unreachable(context, r);
		if (after > 0)
			json_put_number(builder, call, "after", after);
	}
}
