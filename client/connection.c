/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define REPLY_BYTES_MAX (64u << 20) /* a reply with 1000 records of maximum text has 10 MB */
#define READ_BYTES 65536

struct buffer {
	char *bytes;
	size_t length, size;
	size_t done; /* bytes at the front that were processed */
};

struct connection {
	struct offline *offline; /* answers instead of the daemon; NULL = none */
	connection_release *release;
	int fd;
	int broken; /* negative errno that broke the connection; 0 = it works */
	struct buffer in, out;
	size_t searched; /* bytes of `in` after `done` that contain no NUL */
};

static int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t size;
	char *bytes;

	if (buffer->done == buffer->length)
		buffer->done = buffer->length = 0;
	if (buffer->done > buffer->size / 2) {
		memmove(buffer->bytes, buffer->bytes + buffer->done, buffer->length - buffer->done);
		buffer->length -= buffer->done;
		buffer->done = 0;
	}
	if (buffer->size - buffer->length >= more)
		return 0;
	size = (buffer->length + more) * 2;
	bytes = realloc(buffer->bytes, size);
	if (!bytes)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size = size;
	return 0;
}

int connection_open(const char *path, struct connection **ret)
{
	CLEANUP(connection_freep) struct connection *connection = calloc(1, sizeof(*connection));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!connection)
		return -ENOMEM;
	connection->fd = -1;
	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		return -errno;
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = TAKE_PTR(connection);
	return 0;
}

struct connection *connection_to_offline(struct offline *offline, connection_release *release)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		release(offline);
		return NULL;
	}
	connection->fd = -1;
	connection->offline = offline;
	connection->release = release;
	return connection;
}

struct offline *connection_offline(const struct connection *connection)
{
	return connection->offline;
}

struct connection *connection_free(struct connection *connection)
{
	if (!connection)
		return NULL;
	if (connection->release)
		connection->release(connection->offline);
	closep(&connection->fd);
	free(connection->in.bytes);
	free(connection->out.bytes);
	free(connection);
	return NULL;
}

int connection_fd(const struct connection *connection)
{
	return connection->fd;
}

short connection_events(const struct connection *connection)
{
	return connection->out.done < connection->out.length ? POLLIN | POLLOUT : POLLIN;
}

static int flush_out(struct connection *connection)
{
	struct buffer *out = &connection->out;

	while (out->done < out->length) {
		ssize_t n = send(connection->fd, out->bytes + out->done, out->length - out->done,
			MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		out->done += (size_t)n;
	}
	return 0;
}

static int read_in(struct connection *connection)
{
	struct buffer *in = &connection->in;

	for (;;) {
		ssize_t n;
		int r = buffer_reserve(in, READ_BYTES);

		if (r < 0)
			return r;
		if (in->length - in->done > REPLY_BYTES_MAX)
			return -EMSGSIZE;
		n = recv(connection->fd, in->bytes + in->length, READ_BYTES, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		in->length += (size_t)n;
		/* Use complete replies before reading more. */
		if (memchr(in->bytes + in->length - n, '\0', (size_t)n))
			return 0;
	}
}

int connection_send(struct connection *connection, struct json_builder *builder, const char *method,
	struct json_object *parameters, bool more)
{
	CLEANUP(json_object_putp) struct json_object *call = NULL;
	char name[64];
	const char *frame;
	size_t length;
	int r;

	snprintf(name, sizeof(name), INTERFACE "%s", method);
	call = varlink_call_new(builder, name, parameters, more);
	frame = call ? varlink_frame(call, &length) : NULL;
	if (!frame || buffer_reserve(&connection->out, length) < 0)
		return -ENOMEM;
	memcpy(connection->out.bytes + connection->out.length, frame, length);
	connection->out.length += length;
	r = flush_out(connection);
	/* A daemon that closed the connection may have answered before. */
	return r == -EPIPE ? 0 : r;
}

int connection_work(struct connection *connection)
{
	int r;

	if (connection->broken)
		return connection->broken;
	r = flush_out(connection);
	if (r == 0 || r == -EPIPE)
		r = read_in(connection);
	if (r < 0)
		connection->broken = r;
	return r;
}

int connection_next(struct connection *connection, struct varlink_reply *ret)
{
	struct buffer *in = &connection->in;
	const char *start, *end;
	size_t left = in->length - in->done;
	int r;

	if (left == connection->searched)
		return 0;
	start = in->bytes + in->done;
	end = memchr(start + connection->searched, '\0', left - connection->searched);
	if (!end) {
		connection->searched = left;
		return 0;
	}
	connection->searched = 0;
	in->done += (size_t)(end - start) + 1;
	r = varlink_reply_read(start, (size_t)(end - start), ret);
	return r < 0 ? r : 1;
}

static int64_t now_ms(void)
{
	return (int64_t)(clock_now().monotonic_us / USEC_PER_MSEC);
}

int connection_wait(struct connection *connection, int timeout_ms, struct varlink_reply *ret)
{
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd ready = {
			.fd = connection->fd, .events = connection_events(connection)};
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		int r = connection_next(connection, ret);

		if (r != 0)
			return r < 0 ? r : 0;
		if (timeout_ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		r = connection_work(connection);
		if (r < 0 && connection->searched == connection->in.length - connection->in.done)
			return r;
	}
}
