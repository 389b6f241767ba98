/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/link.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/service_user.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"
#include "daemon/sources/source.h"

#define REASON_SIZE 256
#define TEXT_SIZE 512 /* of an event; the rest is truncated */
#define ERRNO_MAX 4096
#define NOTHING_YET INT_MAX
#define OLDEST_US UINT64_C(60000000) /* an event's time; others get the time of arrival */

/* Events that a port may still send, in microseconds of its rate. */
struct allowance {
	char port[PORT_SIZE];
	uint64_t used_us; /* on the monotonic clock: when all that it sent is paid for */
};

struct link_source {
	struct loop *loop;
	link_running_ports *running;
	event_sink *sink;
	void *user;
	int listening;
	struct loop_io *listen_io;
	int peer; /* -1 = not connected */
	struct loop_io *peer_io;
	struct loop_timer *silence;
	struct loop_timer *turn; /* reads on after a pause */
	int code;		 /* as last reported, or NOTHING_YET */
	char reason[REASON_SIZE];
	uint64_t dropped;
	struct allowance allowances[LINK_PORTS_MAX];
};

/* All that idevicetriage-link may report. */
static const enum event_kind kinds[] = {
	EVENT_LINK_ERROR,
	EVENT_LINK_CORRECTED,
	EVENT_LINK_QUIET,
	EVENT_LINK_RATE,
	EVENT_IDENTITY,
	EVENT_TOOL_VERSION,
	EVENT_STAGE,
	EVENT_OPERATION,
	EVENT_PROGRESS,
	EVENT_CHECKPOINT,
	EVENT_TRANSFER,
	EVENT_WAIT,
	EVENT_STATUS,
	EVENT_AMR_ERROR,
	EVENT_OUTCOME,
};

static void report_state(struct link_source *source, int code, const char *reason)
{
	if (source->code == code && text_equal(source->reason, reason))
		return;
	source->code = code;
	text_copy(source->reason, sizeof(source->reason), reason);
	source_report(SOURCE_LINK, "link", code, reason, source->sink, source->user);
}

/* Whether the program, which is a package of its own, is on this computer. */
static bool is_installed(void)
{
	const char *path = getenv("IDEVICETRIAGE_LINK_PROGRAM");

	return access(path && *path ? path : LINK_PROGRAM, F_OK) == 0 || errno != ENOENT;
}

static void on_silence(void *user)
{
	struct link_source *source = user;

	if (source->peer >= 0)
		report_state(source, -ETIMEDOUT, "idevicetriage-link does not answer");
	else if (is_installed())
		report_state(source, -ENOTCONN, "idevicetriage-link is not running");
	else
		report_state(source, SOURCE_STATE_NOT_INSTALLED,
			"idevicetriage-link is not installed. Install the package "
			"idevicetriage-link to record errors of the USB link");
}

static void disconnect(struct link_source *source)
{
	source->peer_io = loop_io_free(source->peer_io);
	loop_timer_stop(source->turn);
	closep(&source->peer);
	source->peer = -1;
	loop_timer_start(source->silence, LINK_START_US);
}

/* Whether the port may send one more event. */
static bool is_allowed(struct link_source *source, const char *port, uint64_t now_us)
{
	struct allowance *found = NULL;
	const uint64_t price_us = USEC_PER_SEC / LINK_RATE;

	for (size_t i = 0; i < LINK_PORTS_MAX; i++) {
		struct allowance *each = &source->allowances[i];

		if (text_equal(each->port, port)) {
			found = each;
			break;
		}
		if (!found && each->used_us < now_us)
			found = each;
	}
	if (!found)
		return false;
	if (!text_equal(found->port, port))
		text_copy(found->port, sizeof(found->port), port);
	if (found->used_us < now_us)
		found->used_us = now_us;
	if (found->used_us + price_us > now_us + LINK_BURST * price_us)
		return false;
	found->used_us += price_us;
	return true;
}

static bool is_known_kind(enum event_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

static void clean(char *text, size_t size)
{
	char raw[NAME_SIZE];

	assert(size <= sizeof(raw));
	text_copy(raw, sizeof(raw), text);
	text_clean(raw, strlen(raw), text, size);
}

/* Keeps only what an event of this kind may have. `text` must outlive the event. */
static struct event clean_event(const struct event *from, char text[static TEXT_SIZE])
{
	struct stamp now = clock_now();
	struct event event = {
		.at = from->at,
		.kind = from->kind,
		.source = SOURCE_LINK,
		.mode = from->mode > MODE_NORMAL_OR_RESTORE ? MODE_UNKNOWN : from->mode,
		.ecid = from->ecid,
		.code = from->code,
		.number = from->number,
		.flag = from->flag,
		.permille = from->permille < 0	    ? 0
			    : from->permille > 1000 ? 1000
						    : from->permille,
	};

	if (event.at.monotonic_us > now.monotonic_us ||
		event.at.monotonic_us + OLDEST_US < now.monotonic_us)
		event.at = now;
	text_copy(event.port, sizeof(event.port), from->port);
	text_copy(event.udid, sizeof(event.udid), from->udid);
	text_copy(event.product, sizeof(event.product), from->product);
	text_copy(event.name, sizeof(event.name), from->name);
	clean(event.udid, sizeof(event.udid));
	clean(event.product, sizeof(event.product));
	clean(event.name, sizeof(event.name));
	text_clean(from->text ? from->text : "", from->text_length, text, TEXT_SIZE);
	if (*text)
		event_set_text(&event, text);
	return event;
}

static void send_running_port(void *user, const char *port)
{
	struct link_source *source = user;
	struct event event = {
		.at = clock_now(), .kind = EVENT_SESSION_BEGIN, .source = SOURCE_DAEMON};
	uint8_t bytes[EVENT_BYTES_MAX];

	text_copy(event.port, sizeof(event.port), port);
	/* What the program does not receive is sent again with its next state. */
	send(source->peer, bytes, event_encode(&event, bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* `number` of the event is what the program itself could not send. */
static void handle_state(struct link_source *source, const struct event *event)
{
	uint64_t dropped = source->dropped + event->number;
	char text[REASON_SIZE - 64], reason[REASON_SIZE];

	text_clean(event->text ? event->text : "", event->text_length, text, sizeof(text));
	if (dropped)
		snprintf(reason, sizeof(reason), "%s; %llu messages dropped", text,
			(unsigned long long)dropped);
	else
		text_copy(reason, sizeof(reason), text);
	report_state(
		source, event->code < 0 && event->code > -ERRNO_MAX ? (int)event->code : 0, reason);
}

static void handle_datagram(struct link_source *source, const uint8_t *bytes, size_t length)
{
	struct event event, cleaned;
	char text[TEXT_SIZE];

	loop_timer_start(source->silence, LINK_SILENT_US);
	if (event_decode(bytes, length, &event) < 0) {
		source->dropped++;
		return;
	}
	if (event.kind == EVENT_SOURCE) {
		handle_state(source, &event);
		source->running(source->user, send_running_port, source);
		return;
	}
	if (!is_known_kind(event.kind) || !usb_port_ok(event.port, strlen(event.port)) ||
		!is_allowed(source, event.port, clock_now().monotonic_us)) {
		log_debug(
			"link: dropped a message of kind %d at %.31s", (int)event.kind, event.port);
		source->dropped++;
		return;
	}
	cleaned = clean_event(&event, text);
	source->sink(source->user, &cleaned);
}

static void on_readable(void *user, unsigned ready)
{
	struct link_source *source = user;
	uint8_t bytes[EVENT_BYTES_MAX];

	for (size_t i = 0; i < LINK_DATAGRAMS_A_TURN; i++) {
		ssize_t n = recv(source->peer, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			disconnect(source);
			return;
		}
		if ((size_t)n > sizeof(bytes))
			source->dropped++;
		else
			handle_datagram(source, bytes, (size_t)n);
	}
	source->peer_io = loop_io_free(source->peer_io);
	loop_timer_start(source->turn, LINK_TURN_PAUSE_US);
}

static void on_turn(void *user)
{
	struct link_source *source = user;

	if (loop_watch(source->loop, source->peer, LOOP_READ, on_readable, source,
		    &source->peer_io) < 0)
		disconnect(source);
}

static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == service_user(LINK_USER);
}

static void on_connection(void *user, unsigned ready)
{
	struct link_source *source = user;
	CLEANUP(closep)
	int fd = accept4(source->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_trusted(fd)) {
		log_warning("link: refused a connection of another user");
		return;
	}
	if (source->peer >= 0)
		disconnect(source);
	source->peer = TAKE_FD(fd);
	on_turn(source);
}

static int start(struct link_source *source)
{
	int r = loop_timer_new(source->loop, on_silence, source, &source->silence);

	if (r == 0)
		r = loop_timer_new(source->loop, on_turn, source, &source->turn);
	if (r == 0)
		r = loop_timer_start(source->silence, LINK_START_US);
	if (r == 0)
		r = loop_watch(source->loop, source->listening, LOOP_READ, on_connection, source,
			&source->listen_io);
	return r;
}

int link_source_new(struct loop *loop, int fd, link_running_ports *running, event_sink *sink,
	void *user, struct link_source **ret)
{
	CLEANUP(link_source_freep) struct link_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->loop = loop;
	source->running = running;
	source->sink = sink;
	source->user = user;
	source->listening = fd;
	source->peer = -1;
	source->code = NOTHING_YET;
	r = start(source);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(source);
	return 0;
}

struct link_source *link_source_free(struct link_source *source)
{
	if (!source)
		return NULL;
	loop_io_free(source->listen_io);
	loop_io_free(source->peer_io);
	loop_timer_free(source->silence);
	loop_timer_free(source->turn);
	closep(&source->peer);
	free(source);
	return NULL;
}
