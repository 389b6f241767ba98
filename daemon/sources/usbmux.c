/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/usbmux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "daemon/sources/path_watch.h"
#include "daemon/sources/usbmux_frame.h"
#include "daemon/sources/source.h"

#define DEVICES_MAX 256	 /* phones at once; a USB bus has 127 addresses */
#define READ_BYTES 16384 /* per turn of the loop, so that it is not blocked */
#define REASON_SIZE 256

struct mux_device {
	uint32_t id;
	char udid[UDID_SIZE];
	struct usb_place place;
};

enum mux_state {
	MUX_WAITING, /* no socket; the timer is running, or nothing to wait for */
	MUX_ASKED,   /* Listen was sent; the timer limits the wait for the answer */
	MUX_UP,
};

struct usbmux {
	struct loop *loop;
	event_sink *sink;
	void *user;
	find_usb_place *find_place;
	void *find_place_user;

	const char *program;
	struct sockaddr_un address;
	int address_error; /* not 0 = the address is unusable */
	uint64_t answer_max_us;
	uint64_t retry_first_us;
	uint64_t retry_us; /* the next wait */

	enum mux_state state;
	int told; /* code of the last EVENT_SOURCE; 1 = none yet */
	int fd;
	struct loop_io *io;
	struct loop_timer *timer;
	struct path_watch *watch; /* of its socket; NULL = not possible */
	bool full_told;		  /* "too many devices" was logged on this connection */

	size_t device_count;
	struct mux_device devices[DEVICES_MAX];
	size_t buffer_used;
	uint8_t buffer[USBMUX_FRAME_MAX];
};

/* Reports each change of the source once, to the log and to the sink. */
static void tell_source(struct usbmux *usbmux, int code, const char *reason)
{
	if (usbmux->told == code)
		return;
	usbmux->told = code;
	source_report(SOURCE_USBMUXD, "usbmuxd", code, reason, usbmux->sink, usbmux->user);
}

/* `code` is not 0 if usbmuxd ended, instead of removing the phone. */
static void tell_device(struct usbmux *usbmux, enum event_kind kind,
	const struct mux_device *device, int code, const char *reason)
{
	struct event event = {
		.at = clock_now(),
		.kind = kind,
		.source = SOURCE_USBMUXD,
		.mode = MODE_NORMAL_OR_RESTORE,
		.ecid = udid_ecid(device->udid),
		.code = code,
		.speed_mbps = device->place.speed_mbps,
		.hub_depth = device->place.hub_depth,
	};

	text_copy(event.udid, sizeof(event.udid), device->udid);
	text_copy(event.port, sizeof(event.port), device->place.port);
	if (reason)
		event_set_text(&event, reason);
	usbmux->sink(usbmux->user, &event);
}

static struct mux_device *find_device(struct usbmux *usbmux, uint32_t id)
{
	for (size_t i = 0; i < usbmux->device_count; i++) {
		if (usbmux->devices[i].id == id)
			return &usbmux->devices[i];
	}
	return NULL;
}

static void drop_device(
	struct usbmux *usbmux, struct mux_device *device, int code, const char *reason)
{
	struct mux_device gone = *device;

	*device = usbmux->devices[--usbmux->device_count];
	tell_device(usbmux, EVENT_MUX_DETACH, &gone, code, reason);
}

static bool is_installed(const struct usbmux *usbmux)
{
	static const char *const programs[] = {"/usr/sbin/usbmuxd", "/usr/local/sbin/usbmuxd"};

	if (usbmux->program)
		return access(usbmux->program, F_OK) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (access(programs[i], F_OK) == 0)
			return true;
	return false;
}

/* Closes the connection and retries after the current wait. */
static void leave(struct usbmux *usbmux, int code, const char *reason)
{
	bool is_absent = code == -ENOENT || code == -ECONNREFUSED;
	uint64_t longest_us =
		usbmux->watch && is_absent ? USBMUX_RETRY_ABSENT_US : USBMUX_RETRY_MAX_US;

	usbmux->io = loop_io_free(usbmux->io);
	closep(&usbmux->fd);
	usbmux->fd = -1;
	usbmux->state = MUX_WAITING;
	usbmux->buffer_used = 0;
	/* Without the socket file, retrying is useless until the watch reports it. With the file, a
	 * new usbmuxd may be about to listen. */
	if (usbmux->watch && code == -ENOENT)
		usbmux->retry_us = USBMUX_RETRY_ABSENT_US;
	loop_timer_start(usbmux->timer, usbmux->retry_us);
	usbmux->retry_us *= 2;
	if (usbmux->retry_us > longest_us)
		usbmux->retry_us = longest_us;

	tell_source(usbmux, is_absent && !is_installed(usbmux) ? -ENOPKG : code, reason);
	while (usbmux->device_count > 0)
		drop_device(usbmux, &usbmux->devices[usbmux->device_count - 1], code,
			"usbmuxd stopped or lost sync; the phone is not to blame");
}

static void on_result(struct usbmux *usbmux, const struct usbmux_message *message)
{
	char reason[REASON_SIZE];

	if (usbmux->state == MUX_UP)
		return;
	if (message->result != 0) {
		snprintf(reason, sizeof(reason), "refused to report its phones (result %u)",
			message->result);
		leave(usbmux, -ECONNREFUSED, reason);
		return;
	}
	usbmux->state = MUX_UP;
	loop_timer_stop(usbmux->timer);
	tell_source(usbmux, 0, "listening");
}

static void on_attached(struct usbmux *usbmux, const struct usbmux_message *message)
{
	struct mux_device *device = find_device(usbmux, message->device_id);

	if (!message->usb)
		return;
	if (device && text_equal(device->udid, message->udid))
		return;
	if (device)
		drop_device(usbmux, device, 0, "usbmuxd gave its number to another device");
	if (usbmux->device_count == DEVICES_MAX) {
		if (!usbmux->full_told)
			log_warning("usbmuxd: lists more than %d devices; the rest is ignored",
				DEVICES_MAX);
		usbmux->full_told = true;
		return;
	}
	if (message->bad_serial)
		log_warning("usbmuxd: device %u has a serial number that is not a UDID",
			message->device_id);

	device = &usbmux->devices[usbmux->device_count++];
	*device = (struct mux_device){.id = message->device_id};
	text_copy(device->udid, sizeof(device->udid), message->udid);
	if (!usbmux->find_place || !message->location ||
		!usbmux->find_place(usbmux->find_place_user, message->location >> 16,
			message->location & 0xffff, &device->place))
		device->place = (struct usb_place){.speed_mbps = message->speed_mbps};
	tell_device(usbmux, EVENT_MUX_ATTACH, device, 0, NULL);
}

static void on_message(struct usbmux *usbmux, const struct usbmux_message *message)
{
	struct mux_device *device;

	switch (message->kind) {
	case USBMUX_RESULT:
		on_result(usbmux, message);
		break;
	case USBMUX_ATTACHED:
		on_attached(usbmux, message);
		break;
	case USBMUX_DETACHED:
		device = find_device(usbmux, message->device_id);
		if (device)
			drop_device(usbmux, device, 0, NULL);
		break;
	case USBMUX_OTHER:
		break;
	}
}

/* Handles every complete frame in the buffer. A message may end the connection. */
static void read_frames(struct usbmux *usbmux)
{
	size_t at = 0;

	while (usbmux->state != MUX_WAITING) {
		struct usbmux_message message;
		size_t used;
		int r = usbmux_frame_read(
			usbmux->buffer + at, usbmux->buffer_used - at, &used, &message);

		if (r == 0)
			break;
		if (r < 0) {
			leave(usbmux, r,
				r == -EMSGSIZE ? "sent a message over the size limit; disconnected"
					       : "sent an invalid message; disconnected");
			return;
		}
		at += used;
		on_message(usbmux, &message);
	}
	if (usbmux->state == MUX_WAITING)
		return;
	memmove(usbmux->buffer, usbmux->buffer + at, usbmux->buffer_used - at);
	usbmux->buffer_used -= at;
}

static void on_readable(void *user, unsigned ready)
{
	struct usbmux *usbmux = user;
	/* Never 0: a frame that fills the buffer is complete and was removed. */
	size_t room = sizeof(usbmux->buffer) - usbmux->buffer_used;
	ssize_t n;

	n = recv(usbmux->fd, usbmux->buffer + usbmux->buffer_used,
		room < READ_BYTES ? room : READ_BYTES, 0);
	if (n > 0) {
		usbmux->buffer_used += (size_t)n;
		read_frames(usbmux);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* If it answered before it ended, retry quickly: Debian's usbmuxd starts and ends with the
	 * phones. */
	if (usbmux->state == MUX_UP)
		usbmux->retry_us = usbmux->retry_first_us;
	if (n < 0)
		leave(usbmux, -errno, "the connection broke");
	else
		leave(usbmux, -ECONNRESET, "ended or closed the connection");
}

static int send_listen(int fd)
{
	uint8_t request[1024];
	int length = usbmux_frame_listen(request, sizeof(request));

	if (length < 0)
		return length;
	/* A new socket has room for the whole request. */
	if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		return -EIO;
	return 0;
}

static int try_connect(struct usbmux *usbmux)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&usbmux->address, sizeof(usbmux->address)) < 0)
		return -errno;
	r = send_listen(fd);
	if (r < 0)
		return r;
	r = loop_watch(usbmux->loop, fd, LOOP_READ, on_readable, usbmux, &usbmux->io);
	if (r < 0)
		return r;
	usbmux->fd = TAKE_FD(fd);
	return 0;
}

static void connect_now(struct usbmux *usbmux)
{
	char reason[REASON_SIZE];
	int r = usbmux->address_error;

	if (r == 0)
		r = try_connect(usbmux);
	if (r == 0) {
		usbmux->state = MUX_ASKED;
		usbmux->full_told = false;
		loop_timer_start(usbmux->timer, usbmux->answer_max_us);
		return;
	}
	if ((r == -ENOENT || r == -ECONNREFUSED) && !is_installed(usbmux))
		snprintf(reason, sizeof(reason),
			"not running, and not installed in /usr/sbin or /usr/local/sbin: apt-get "
			"install usbmuxd");
	else if (r == -ENOENT || r == -ECONNREFUSED)
		snprintf(reason, sizeof(reason),
			"not running (%s at %s); udev starts it with the first phone, else: "
			"systemctl start usbmuxd",
			r == -ENOENT ? "no socket" : "nobody listens", usbmux->address.sun_path);
	else if (r == -EPROTONOSUPPORT)
		snprintf(reason, sizeof(reason),
			"USBMUXD_SOCKET_ADDRESS is not the path of a Unix socket: TCP is not "
			"supported");
	else
		snprintf(reason, sizeof(reason), "cannot connect to %s: %s",
			usbmux->address.sun_path, strerror(-r));
	leave(usbmux, r, reason);
	if (usbmux->address_error)
		loop_timer_stop(usbmux->timer);
}

static void on_timer(void *user)
{
	struct usbmux *usbmux = user;

	if (usbmux->state == MUX_ASKED)
		leave(usbmux, -ETIMEDOUT, "accepts connections but does not answer");
	else
		connect_now(usbmux);
}

/* Reads "UNIX:/path" or "/path". */
static int read_address(const char *text, struct sockaddr_un *ret)
{
	static const char prefix[] = "UNIX:";

	if (!text || !*text)
		text = USBMUX_DEFAULT_PATH;
	if (text_starts_with(text, prefix))
		text += strlen(prefix);
	else if (*text != '/')
		return -EPROTONOSUPPORT;
	ret->sun_family = AF_UNIX;
	return text_copy(ret->sun_path, sizeof(ret->sun_path), text) ? 0 : -ENAMETOOLONG;
}

static void on_socket(void *user)
{
	usbmux_wake(user);
}

int usbmux_new(struct loop *loop, const struct usbmux_options *options, event_sink *sink,
	void *user, struct usbmux **ret)
{
	CLEANUP(usbmux_freep) struct usbmux *usbmux = NULL;
	int r;

	assert(loop && options && sink && ret);
	usbmux = calloc(1, sizeof(*usbmux));
	if (!usbmux)
		return -ENOMEM;
	usbmux->loop = loop;
	usbmux->sink = sink;
	usbmux->user = user;
	usbmux->program = options->program;
	usbmux->find_place = options->find_place;
	usbmux->find_place_user = options->find_place_user;
	usbmux->retry_first_us =
		options->retry_first_us ? options->retry_first_us : USBMUX_RETRY_FIRST_US;
	usbmux->retry_us = usbmux->retry_first_us;
	usbmux->answer_max_us =
		options->answer_max_us ? options->answer_max_us : USBMUX_ANSWER_MAX_US;
	usbmux->fd = -1;
	usbmux->told = 1;
	usbmux->address_error = read_address(options->address, &usbmux->address);
	r = loop_timer_new(loop, on_timer, usbmux, &usbmux->timer);
	if (r < 0)
		return r;
	r = loop_timer_start(usbmux->timer, 0);
	if (r < 0)
		return r;
	if (usbmux->address_error == 0)
		(void)path_watch_new(
			loop, usbmux->address.sun_path, on_socket, usbmux, &usbmux->watch);
	*ret = TAKE_PTR(usbmux);
	return 0;
}

struct usbmux *usbmux_free(struct usbmux *usbmux)
{
	if (!usbmux)
		return NULL;
	path_watch_free(usbmux->watch);
	loop_io_free(usbmux->io);
	closep(&usbmux->fd);
	loop_timer_free(usbmux->timer);
	free(usbmux);
	return NULL;
}

void usbmux_wake(struct usbmux *usbmux)
{
	if (usbmux->state != MUX_WAITING || usbmux->address_error)
		return;
	usbmux->retry_us = usbmux->retry_first_us;
	loop_timer_start(usbmux->timer, 0);
}
