/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The adapter against a usbmuxd of its own: a real Unix socket, served by the same loop. */
#include "daemon/sources/usbmux.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/base/log.h"
#include "common/base/macro.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define UDID "00008030-001C2D6A3C8A802E"
#define RESTARTS 1000
#define FLOOD_DEVICES 400
#define FLOOD_DEVICES_A_TURN 20

#define RESULT(number)                                                                             \
	"<plist><dict><key>MessageType</key><string>Result</string><key>Number</key>"              \
	"<integer>" #number "</integer></dict></plist>"
#define DETACHED(id)                                                                               \
	"<plist><dict><key>MessageType</key><string>Detached</string><key>DeviceID</key>"          \
	"<integer>" #id "</integer></dict></plist>"

static char folder[] = "/tmp/test-usbmux-XXXXXX";
static char path[sizeof(folder) + 16];

struct server {
	struct loop *loop;
	int listener;
	struct loop_io *listener_io;
	int client;
	struct loop_io *client_io;
	size_t accepted, requests;
	void (*answer)(struct server *server);
	size_t trickle_at; /* of the answer that goes out byte by byte */
	unsigned flood_device;
	struct loop_timer *timer;
};

struct rig {
	struct loop *loop;
	struct server server;
	struct kept_events events;
	struct usbmux *usbmux;
	size_t want; /* for conditions */
};

static void server_hang_up(struct server *server)
{
	server->client_io = loop_io_free(server->client_io);
	closep(&server->client);
	server->client = -1;
}

static void server_send(struct server *server, const char *payload)
{
	const uint32_t header[] = {
		htole32((uint32_t)(16 + strlen(payload))), htole32(1), htole32(8), 0};

	assert_int_equal(send(server->client, header, sizeof(header), 0), sizeof(header));
	assert_int_equal(send(server->client, payload, strlen(payload), 0), strlen(payload));
}

static void server_send_attached(
	struct server *server, unsigned id, const char *serial, const char *connection)
{
	char payload[1024];

	snprintf(payload, sizeof(payload),
		"<plist><dict><key>MessageType</key><string>Attached</string>"
		"<key>DeviceID</key><integer>%u</integer><key>Properties</key><dict>"
		"<key>ConnectionSpeed</key><integer>480000000</integer>"
		"<key>ConnectionType</key><string>%s</string><key>LocationID</key>"
		"<integer>65538</integer><key>SerialNumber</key><string>%s</string>"
		"</dict></dict></plist>",
		id, connection, serial);
	server_send(server, payload);
}

static void server_on_client(void *user, unsigned ready)
{
	struct server *server = user;
	char request[2048];
	ssize_t n = recv(server->client, request, sizeof(request), 0);

	if (n <= 0) {
		server_hang_up(server);
		return;
	}
	assert_non_null(memmem(request, (size_t)n, "<string>Listen</string>", 23));
	server->requests++;
	if (server->answer)
		server->answer(server);
}

static void server_on_accept(void *user, unsigned ready)
{
	struct server *server = user;

	server_hang_up(server);
	server->client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server->client >= 0);
	server->accepted++;
	assert_int_equal(loop_watch(server->loop, server->client, LOOP_READ, server_on_client,
				 server, &server->client_io),
		0);
}

static void server_stop(struct server *server)
{
	server_hang_up(server);
	server->listener_io = loop_io_free(server->listener_io);
	closep(&server->listener);
	server->listener = -1;
}

static void server_start(struct rig *rig, void (*answer)(struct server *server))
{
	struct server *server = &rig->server;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	server_stop(server);
	server->answer = answer;
	strcpy(address.sun_path, path);
	unlink(path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 5), 0);
	assert_int_equal(loop_watch(rig->loop, server->listener, LOOP_READ, server_on_accept,
				 server, &server->listener_io),
		0);
}

static bool find_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	if (bus != 1 || address != 2)
		return false;
	*ret = (struct usb_place){.port = "1-2.3", .speed_mbps = 480, .hub_depth = 1};
	return true;
}

/* Stands for usbmuxd: a file, or none. */
static const char *program = "/";

static void begin_with(struct rig *rig, uint64_t retry_first_us)
{
	const struct usbmux_options options = {
		.address = path,
		.program = program,
		.find_place = find_place,
		.retry_first_us = retry_first_us,
		.answer_max_us = 50 * USEC_PER_MSEC,
	};

	assert_int_equal(
		usbmux_new(rig->loop, &options, keep_event, &rig->events, &rig->usbmux), 0);
}

static void begin(struct rig *rig)
{
	begin_with(rig, 1000);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(loop_new(&rig->loop), 0);
	rig->server = (struct server){.loop = rig->loop, .listener = -1, .client = -1};
	unlink(path);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	usbmux_free(rig->usbmux);
	loop_timer_free(rig->server.timer);
	server_stop(&rig->server);
	loop_free(rig->loop);
	free(rig);
	return 0;
}

static bool has_events(void *user)
{
	struct rig *rig = user;

	return rig->events.count >= rig->want;
}

static void expect_events(struct rig *rig, size_t count)
{
	rig->want = count;
	assert_true(wait_until(rig->loop, has_events, rig));
}

static bool has_accepted(void *user)
{
	struct rig *rig = user;

	return rig->server.accepted >= rig->want;
}

/* What the source said last. */
static bool is_up(void *user)
{
	const struct rig *rig = user;
	bool up = false;

	for (size_t i = 0; i < rig->events.count; i++)
		if (rig->events.list[i].event.kind == EVENT_SOURCE)
			up = rig->events.list[i].event.code == 0;
	return up;
}

static void answer_with_phone(struct server *server)
{
	server_send(server, RESULT(0));
	server_send_attached(server, 1, UDID, "USB");
}

static void the_remedy_depends_on_what_is_installed(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	program = "/nonexistent/usbmuxd";
	begin(rig);
	program = "/";
	expect_events(rig, 1);
	event = nth_event(&rig->events, EVENT_SOURCE, 0);
	assert_int_equal(event->code, -ENOPKG);
	assert_non_null(strstr(event->text, "apt-get install usbmuxd"));
	assert_null(strstr(event->text, "systemctl"));
}

static void absent_then_there(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	expect_events(rig, 1);
	event = nth_event(&rig->events, EVENT_SOURCE, 0);
	assert_int_equal(event->code, -ENOENT);
	assert_string_equal(event->name, "usbmuxd");
	assert_non_null(strstr(event->text, "not running ("));
	assert_non_null(strstr(event->text, "systemctl start usbmuxd"));
	assert_false(is_up(rig));

	server_start(rig, answer_with_phone);
	expect_events(rig, 3);
	event = nth_event(&rig->events, EVENT_SOURCE, 1);
	assert_int_equal(event->code, 0);
	event = nth_event(&rig->events, EVENT_MUX_ATTACH, 0);
	assert_int_equal(event->source, SOURCE_USBMUXD);
	assert_int_equal(event->mode, MODE_NORMAL_OR_RESTORE);
	assert_string_equal(event->udid, UDID);
	assert_true(event->ecid == 0x001C2D6A3C8A802E);
	assert_string_equal(event->port, "1-2.3");
	assert_int_equal(event->speed_mbps, 480);
	assert_int_equal(event->hub_depth, 1);
}

/* No timer is needed for it: this one would come too late. */
static void its_socket_is_seen(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, 3600 * USEC_PER_SEC);
	expect_events(rig, 1);
	server_start(rig, answer_with_phone);
	expect_events(rig, 3);
	assert_true(is_up(rig));
}

static void detach_of_the_phone(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	server_start(rig, answer_with_phone);
	begin(rig);
	expect_events(rig, 2);
	server_send(&rig->server, DETACHED(7));
	server_send(&rig->server, DETACHED(1));
	expect_events(rig, 3);
	event = nth_event(&rig->events, EVENT_MUX_DETACH, 0);
	assert_string_equal(event->udid, UDID);
	assert_string_equal(event->port, "1-2.3");
	assert_int_equal(event->code, 0);
	assert_string_equal(event->text, "");
}

/* The end of usbmuxd is told before its devices go, and they say why. */
static void death_takes_the_phones(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_with_phone);
	begin(rig);
	expect_events(rig, 2);
	server_stop(&rig->server);
	expect_events(rig, 4);
	assert_int_equal(rig->events.list[2].event.kind, EVENT_SOURCE);
	assert_int_equal(rig->events.list[2].event.code, -ECONNRESET);
	assert_int_equal(rig->events.list[3].event.kind, EVENT_MUX_DETACH);
	assert_string_equal(rig->events.list[3].event.udid, UDID);
	assert_int_equal(rig->events.list[3].event.code, -ECONNRESET);
	assert_non_null(strstr(rig->events.list[3].text, "usbmuxd stopped"));
	assert_false(is_up(rig));
}

static void answer_nonsense(struct server *server)
{
	static const char nonsense[] = "HTTP/1.1 400 Bad Request\r\nServer: \x00\xff\xfe\r\n\r\n";

	assert_int_equal(send(server->client, nonsense, sizeof(nonsense), 0), sizeof(nonsense));
}

static void nonsense_is_told_once(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_nonsense);
	begin(rig);
	rig->want = 5;
	assert_true(wait_until(rig->loop, has_accepted, rig));
	assert_int_equal(rig->events.count, 1);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, -EBADMSG);
	rig->server.answer = answer_with_phone;
	expect_events(rig, 3);
	assert_true(is_up(rig));
}

static void answer_oversize(struct server *server)
{
	static const uint8_t header[] = {0, 0, 0, 0x40, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0};

	server_send(server, RESULT(0));
	assert_int_equal(send(server->client, header, sizeof(header), 0), sizeof(header));
}

static void oversize_ends_the_connection(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_oversize);
	begin(rig);
	expect_events(rig, 2);
	assert_int_equal(rig->events.list[0].event.code, 0);
	assert_int_equal(rig->events.list[1].event.code, -EMSGSIZE);
}

static void answer_refused(struct server *server)
{
	server_send(server, RESULT(1));
}

static void refusal(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_refused);
	begin(rig);
	expect_events(rig, 1);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, -ECONNREFUSED);
	assert_non_null(strstr(nth_event(&rig->events, EVENT_SOURCE, 0)->text, "result 1"));
}

static void silence_is_left(void **state)
{
	struct rig *rig = *state;

	server_start(rig, NULL);
	begin(rig);
	expect_events(rig, 1);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, -ETIMEDOUT);
	rig->server.answer = answer_with_phone;
	expect_events(rig, 3);
}

static const char trickled[] = "\x7e\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0" RESULT(0);

static void trickle(void *user)
{
	struct server *server = user;

	assert_int_equal(send(server->client, trickled + server->trickle_at, 1, 0), 1);
	if (++server->trickle_at < sizeof(trickled) - 1)
		loop_timer_start(server->timer, 0);
}

static void answer_byte_by_byte(struct server *server)
{
	assert_int_equal(loop_timer_new(server->loop, trickle, server, &server->timer), 0);
	loop_timer_start(server->timer, 0);
}

static void half_messages(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(trickled[0], sizeof(trickled) - 1);
	server_start(rig, answer_byte_by_byte);
	begin(rig);
	assert_true(wait_until(rig->loop, is_up, rig));
	assert_int_equal(rig->server.trickle_at, sizeof(trickled) - 1);
	server_send_attached(&rig->server, 1, UDID, "USB");
	expect_events(rig, 2);
}

static void answer_odd_devices(struct server *server)
{
	server_send(server, RESULT(0));
	server_send_attached(server, 1, UDID, "Network");
	server_send_attached(server, 2, "\xc3\x28\xff\xfe", "USB");
	server_send_attached(server, 3, UDID, "USB");
	server_send_attached(server, 3, UDID, "USB");
	server_send_attached(server, 3, "AABBCCDDEEFF00112233445566778899AABBCCDD", "USB");
}

static void odd_devices(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_odd_devices);
	begin(rig);
	expect_events(rig, 5);
	assert_string_equal(nth_event(&rig->events, EVENT_MUX_ATTACH, 0)->udid, "");
	assert_string_equal(nth_event(&rig->events, EVENT_MUX_ATTACH, 1)->udid, UDID);
	assert_string_equal(nth_event(&rig->events, EVENT_MUX_DETACH, 0)->udid, UDID);
	assert_string_equal(nth_event(&rig->events, EVENT_MUX_ATTACH, 2)->udid,
		"aabbccddeeff00112233445566778899aabbccdd");
	assert_int_equal(rig->events.count, 5);
	assert_true(is_up(rig));
}

/* A few a turn: client and server share the thread, so nothing may block on a full socket. */
static void flood(void *user)
{
	struct server *server = user;

	for (size_t i = 0; i < FLOOD_DEVICES_A_TURN; i++)
		server_send_attached(server, ++server->flood_device, UDID, "USB");
	if (server->flood_device < FLOOD_DEVICES)
		loop_timer_start(server->timer, 0);
	else
		server_hang_up(server);
}

static void answer_flood(struct server *server)
{
	server_send(server, RESULT(0));
	assert_int_equal(loop_timer_new(server->loop, flood, server, &server->timer), 0);
	loop_timer_start(server->timer, 0);
}

static bool is_drained(void *user)
{
	struct rig *rig = user;

	return count_events(&rig->events, EVENT_MUX_DETACH) > 0;
}

static void devices_are_limited(void **state)
{
	struct rig *rig = *state;

	server_start(rig, answer_flood);
	begin(rig);
	assert_true(wait_until(rig->loop, is_drained, rig));
	assert_int_equal(count_events(&rig->events, EVENT_MUX_ATTACH), 256);
	assert_int_equal(count_events(&rig->events, EVENT_MUX_DETACH), 256);
}

static void tcp_is_said_to_be_unsupported(void **state)
{
	struct rig *rig = *state;
	const struct usbmux_options options = {.address = "127.0.0.1:27015"};

	assert_int_equal(
		usbmux_new(rig->loop, &options, keep_event, &rig->events, &rig->usbmux), 0);
	/* Nothing is left to wait for: the loop ends by itself. */
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(rig->events.count, 1);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, -EPROTONOSUPPORT);
	usbmux_wake(rig->usbmux);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(rig->events.count, 1);
}

static void unix_prefix(void **state)
{
	struct rig *rig = *state;
	char address[sizeof(path) + 8];
	const struct usbmux_options options = {.address = address};

	snprintf(address, sizeof(address), "UNIX:%s", path);
	server_start(rig, answer_with_phone);
	assert_int_equal(
		usbmux_new(rig->loop, &options, keep_event, &rig->events, &rig->usbmux), 0);
	expect_events(rig, 2);
	assert_true(is_up(rig));
}

static bool saw_restart(void *user)
{
	struct rig *rig = user;

	return is_up(rig) && count_events(&rig->events, EVENT_MUX_ATTACH) == rig->want;
}

/* libusbmuxd's own event client leaks a socket at each restart; this one must not. */
static void restarts_leak_nothing(void **state)
{
	struct rig *rig = *state;
	size_t descriptors = 0;

	begin(rig);
	for (size_t i = 1; i <= RESTARTS; i++) {
		server_start(rig, answer_with_phone);
		usbmux_wake(rig->usbmux);
		rig->want = i;
		assert_true(wait_until(rig->loop, saw_restart, rig));
		if (i == 1)
			descriptors = count_descriptors();
		assert_int_equal(count_descriptors(), descriptors);
	}
	assert_int_equal(rig->server.accepted, RESTARTS);
	assert_int_equal(count_events(&rig->events, EVENT_MUX_DETACH), RESTARTS - 1);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(the_remedy_depends_on_what_is_installed),
		RIG_TEST(absent_then_there),
		RIG_TEST(its_socket_is_seen),
		RIG_TEST(detach_of_the_phone),
		RIG_TEST(death_takes_the_phones),
		RIG_TEST(nonsense_is_told_once),
		RIG_TEST(oversize_ends_the_connection),
		RIG_TEST(refusal),
		RIG_TEST(silence_is_left),
		RIG_TEST(half_messages),
		RIG_TEST(odd_devices),
		RIG_TEST(devices_are_limited),
		RIG_TEST(tcp_is_said_to_be_unsupported),
		RIG_TEST(unix_prefix),
		RIG_TEST(restarts_leak_nothing),
	};
	int r;

	log_set_level(LOG_LEVEL_ERROR);
	assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/usbmuxd", folder);
	r = cmocka_run_group_tests_name("usbmux", tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return r;
}
