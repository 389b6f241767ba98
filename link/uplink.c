/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/log.h"
#include "common/base/text.h"

#define REASON_SIZE 256

struct uplink {
	struct loop *loop;
	uplink_running *running;
	void *user;
	struct sockaddr_un address;
	int fd; /* -1 = not connected */
	struct loop_io *io;
	struct loop_timer *retry;
	struct loop_timer *heartbeat;
	uint64_t dropped;
	int code;
	char reason[REASON_SIZE];
};

static void disconnect(struct uplink *uplink)
{
	uplink->io = loop_io_free(uplink->io);
	closep(&uplink->fd);
	uplink->fd = -1;
	loop_timer_start(uplink->retry, UPLINK_RETRY_US);
}

void uplink_send(void *user, const struct event *event)
{
	struct uplink *uplink = user;
	uint8_t bytes[EVENT_BYTES_MAX];
	size_t length = event_encode(event, bytes);

	if (uplink->fd >= 0 &&
		send(uplink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length)
		return;
	uplink->dropped++;
	if (uplink->fd >= 0 && errno != EAGAIN)
		disconnect(uplink);
}

static void send_state(struct uplink *uplink)
{
	struct event event = {
		.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = SOURCE_LINK,
		.code = uplink->code,
		.number = (uint32_t)uplink->dropped,
	};

	text_copy(event.name, sizeof(event.name), "link");
	event_set_text(&event, uplink->reason);
	uplink_send(uplink, &event);
}

/* The daemon answers each state with the ports at which restores run. */
static void on_readable(void *user, unsigned ready)
{
	struct uplink *uplink = user;
	uint8_t bytes[EVENT_BYTES_MAX];
	struct event event;
	ssize_t n = recv(uplink->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		disconnect(uplink);
	else if (n > 0 && event_decode(bytes, (size_t)n, &event) == 0 &&
		 event.kind == EVENT_SESSION_BEGIN)
		uplink->running(uplink->user, event.port);
}

static void on_retry(void *user)
{
	struct uplink *uplink = user;
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
		connect(fd, (struct sockaddr *)&uplink->address, sizeof(uplink->address)) < 0 ||
		loop_watch(uplink->loop, fd, LOOP_READ, on_readable, uplink, &uplink->io) < 0) {
		log_debug("Cannot connect to %s: %s", uplink->address.sun_path, strerror(errno));
		loop_timer_start(uplink->retry, UPLINK_RETRY_US);
		return;
	}
	uplink->fd = TAKE_FD(fd);
	send_state(uplink);
}

static void on_heartbeat(void *user)
{
	struct uplink *uplink = user;

	if (uplink->fd >= 0)
		send_state(uplink);
	loop_timer_start(uplink->heartbeat, UPLINK_HEARTBEAT_US);
}

void uplink_set_state(struct uplink *uplink, int code, const char *reason)
{
	if (uplink->code == code && text_equal(uplink->reason, reason))
		return;
	if (code == 0)
		log_info("%s", reason);
	else
		log_warning("%s", reason);
	uplink->code = code;
	text_copy(uplink->reason, sizeof(uplink->reason), reason);
	if (uplink->fd >= 0)
		send_state(uplink);
}

int uplink_new(struct loop *loop, const char *path, uplink_running *running, void *user,
	struct uplink **ret)
{
	CLEANUP(uplink_freep) struct uplink *uplink = calloc(1, sizeof(*uplink));
	int r;

	if (!uplink)
		return -ENOMEM;
	uplink->loop = loop;
	uplink->running = running;
	uplink->user = user;
	uplink->fd = -1;
	uplink->address.sun_family = AF_UNIX;
	if (!text_copy(uplink->address.sun_path, sizeof(uplink->address.sun_path), path))
		return -ENAMETOOLONG;
	r = loop_timer_new(loop, on_retry, uplink, &uplink->retry);
	if (r == 0)
		r = loop_timer_new(loop, on_heartbeat, uplink, &uplink->heartbeat);
	if (r == 0)
		r = loop_timer_start(uplink->retry, 0);
	if (r == 0)
		r = loop_timer_start(uplink->heartbeat, UPLINK_HEARTBEAT_US);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(uplink);
	return 0;
}

struct uplink *uplink_free(struct uplink *uplink)
{
	if (!uplink)
		return NULL;
	loop_io_free(uplink->io);
	loop_timer_free(uplink->retry);
	loop_timer_free(uplink->heartbeat);
	closep(&uplink->fd);
	free(uplink);
	return NULL;
}
