/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/rig/bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define IN 0x80
#define SYN 2
#define RST 4
#define ACK 16

void bus_init(struct bus *bus)
{
	*bus = (struct bus){.now_us = BUS_START_US,
		.number = 1,
		.address = 4,
		.last_port = 1,
		.mux_version = 2,
		.acknowledges = true,
		.window = 512,
		.captured_max = 65536,
		.transfer_max = 16384};
}

void bus_done(struct bus *bus)
{
	for (size_t i = 0; i < bus->count; i++)
		free(bus->items[i].bytes);
	free(bus->items);
	bus->items = NULL;
	bus->count = 0;
}

static struct bus_item *add_item(struct bus *bus, enum bus_item_kind kind)
{
	if (bus->count == bus->room) {
		bus->room = bus->room ? 2 * bus->room : 256;
		bus->items = realloc(bus->items, bus->room * sizeof(*bus->items));
		assert(bus->items);
	}
	bus->items[bus->count] = (struct bus_item){
		.kind = kind, .at_us = bus->now_us, .bus = bus->number, .address = bus->address};
	return &bus->items[bus->count++];
}

void bus_pass(struct bus *bus, uint64_t milliseconds)
{
	bus->now_us += milliseconds * USEC_PER_MSEC;
	add_item(bus, BUS_PASS);
}

void bus_attach(struct bus *bus, uint16_t product, const char *serial)
{
	struct bus_item *item = add_item(bus, BUS_ATTACH);

	item->vendor = 0x05ac;
	item->product = product;
	item->serial = serial;
	bus->mux_sequence = 0;
}

void bus_detach(struct bus *bus)
{
	add_item(bus, BUS_DETACH);
	bus->address++;
}

void bus_lost(struct bus *bus, uint32_t records)
{
	add_item(bus, BUS_LOST)->records = records;
}

void bus_corrected(struct bus *bus)
{
	add_item(bus, BUS_CORRECTED);
}

void bus_add_record(struct bus *bus, const void *bytes, size_t length)
{
	struct bus_item *item = add_item(bus, BUS_RECORD);

	item->bytes = malloc(length ? length : 1);
	assert(item->bytes);
	memcpy(item->bytes, bytes, length);
	item->length = length;
}

/* -- transfers -- */

static void put(uint8_t *at, const void *value, size_t size)
{
	memcpy(at, value, size);
}

/* A record. `payload` NULL: none is in it. */
static void add_record(struct bus *bus, char type, uint8_t kind, uint8_t endpoint, uint64_t id,
	int32_t status, const uint8_t *setup, const void *payload, size_t length)
{
	uint32_t captured = payload ? (uint32_t)length : 0, whole = (uint32_t)length;
	uint64_t wall = BUS_WALL_US + bus->now_us;
	int64_t seconds = (int64_t)(wall / USEC_PER_SEC);
	int32_t microseconds = (int32_t)(wall % USEC_PER_SEC);
	CLEANUP(freep) uint8_t *record = NULL;
	uint16_t number = (uint16_t)bus->number;

	if (captured > bus->captured_max)
		captured = (uint32_t)bus->captured_max;
	record = calloc(1, LINK_RECORD_SIZE + captured);
	assert(record);
	put(record, &id, 8);
	record[8] = (uint8_t)type;
	record[9] = kind;
	record[10] = endpoint;
	record[11] = (uint8_t)bus->address;
	put(record + 12, &number, 2);
	record[14] = setup ? 0 : '-';
	record[15] = payload ? 0 : '<';
	put(record + 16, &seconds, 8);
	put(record + 24, &microseconds, 4);
	put(record + 28, &status, 4);
	put(record + 32, &whole, 4);
	put(record + 36, &captured, 4);
	if (setup)
		put(record + 40, setup, 8);
	if (captured)
		memcpy(record + LINK_RECORD_SIZE, payload, captured);
	bus_add_record(bus, record, LINK_RECORD_SIZE + captured);
}

#define CONTROL 2
#define BULK 3
#define IN_PROGRESS -115

uint64_t bus_submit(struct bus *bus, uint8_t endpoint, const void *bytes, size_t length)
{
	uint64_t id = ++bus->last_id;

	add_record(bus, 'S', BULK, endpoint, id, IN_PROGRESS, NULL, endpoint & IN ? NULL : bytes,
		length);
	return id;
}

void bus_complete(struct bus *bus, uint64_t id, uint8_t endpoint, int status, const void *bytes,
	size_t length)
{
	add_record(bus, 'C', BULK, endpoint, id, status, NULL,
		endpoint & IN && length ? bytes : NULL, length);
}

void bus_transfer(struct bus *bus, uint8_t endpoint, int status, const void *bytes, size_t length)
{
	uint64_t id = bus_submit(bus, endpoint, bytes, endpoint & IN ? bus->transfer_max : length);

	bus->now_us += 100;
	bus_complete(bus, id, endpoint, status, bytes, status ? 0 : length);
	bus->now_us += 100;
}

void bus_request(struct bus *bus, uint8_t type, uint8_t request, int status, const void *bytes,
	size_t length)
{
	uint8_t setup[8] = {type, request, [6] = length & 0xff, [7] = (uint8_t)(length >> 8)};
	uint8_t endpoint = type & IN;
	uint64_t id = ++bus->last_id;

	add_record(bus, 'S', CONTROL, endpoint, id, IN_PROGRESS, setup, endpoint ? NULL : bytes,
		length);
	bus->now_us += 100;
	add_record(bus, 'C', CONTROL, endpoint, id, status, NULL,
		endpoint && !status ? bytes : NULL, status ? 0 : length);
	bus->now_us += 100;
}

/* -- usbmux -- */

static void put32(uint8_t *at, uint32_t number)
{
	at[0] = (uint8_t)(number >> 24);
	at[1] = (uint8_t)(number >> 16);
	at[2] = (uint8_t)(number >> 8);
	at[3] = (uint8_t)number;
}

static void put16(uint8_t *at, uint32_t number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

/* Sends a packet in as many transfers as it needs. */
static void send_packet(
	struct bus *bus, enum bus_way way, uint32_t protocol, const void *body, size_t length)
{
	size_t header = bus->mux_version < 2 || protocol == 0 ? 8 : 16, whole = header + length;
	CLEANUP(freep) uint8_t *packet = calloc(1, whole);
	uint8_t endpoint = way == BUS_TO_PHONE ? BUS_ENDPOINT_OUT : BUS_ENDPOINT_IN;

	assert(packet);
	put32(packet, protocol);
	put32(packet + 4, (uint32_t)whole);
	if (header == 16) {
		put32(packet + 8, 0xfeedface);
		put16(packet + 12, bus->mux_sequence++);
	}
	memcpy(packet + header, body, length);
	for (size_t at = 0; at < whole; at += bus->transfer_max)
		bus_transfer(bus, endpoint, 0, packet + at,
			whole - at < bus->transfer_max ? whole - at : bus->transfer_max);
}

void bus_greet(struct bus *bus)
{
	uint8_t version[12] = {0};

	put32(version, bus->mux_version);
	send_packet(bus, BUS_TO_PHONE, 0, version, sizeof(version));
	send_packet(bus, BUS_FROM_PHONE, 0, version, sizeof(version));
	if (bus->mux_version >= 2)
		send_packet(bus, BUS_TO_PHONE, 2, "\x07", 1);
}

static void send_segment(struct bus *bus, struct bus_connection *connection, enum bus_way way,
	uint8_t flags, const void *bytes, size_t length)
{
	CLEANUP(freep) uint8_t *segment = calloc(1, 20 + length);
	bool to_phone = way == BUS_TO_PHONE;

	assert(segment);
	put16(segment, to_phone ? connection->host_port : connection->phone_port);
	put16(segment + 2, to_phone ? connection->phone_port : connection->host_port);
	put32(segment + 4, connection->next[way]);
	put32(segment + 8, connection->next[!way]);
	segment[12] = 5 << 4;
	segment[13] = flags;
	put16(segment + 14, bus->window);
	if (length)
		memcpy(segment + 20, bytes, length);
	send_packet(bus, way, 6, segment, 20 + length);
	connection->next[way] += (uint32_t)length + !!(flags & SYN);
}

struct bus_connection bus_open(struct bus *bus, uint16_t phone_port)
{
	struct bus_connection connection = {
		.host_port = ++bus->last_port, .phone_port = phone_port};

	send_segment(bus, &connection, BUS_TO_PHONE, SYN, NULL, 0);
	send_segment(bus, &connection, BUS_FROM_PHONE, SYN | ACK, NULL, 0);
	send_segment(bus, &connection, BUS_TO_PHONE, ACK, NULL, 0);
	return connection;
}

void bus_close(struct bus *bus, struct bus_connection *connection)
{
	send_segment(bus, connection, BUS_TO_PHONE, RST, NULL, 0);
}

void bus_send(struct bus *bus, struct bus_connection *connection, enum bus_way way,
	const void *bytes, size_t length)
{
	send_segment(bus, connection, way, ACK, bytes, length);
	if (bus->acknowledges)
		send_segment(bus, connection, !way, ACK, NULL, 0);
}

#define SEGMENT_MAX 32768

void bus_say_body(struct bus *bus, struct bus_connection *connection, enum bus_way way,
	const void *body, size_t length, uint32_t announced)
{
	uint8_t size[4];

	put32(size, announced);
	bus_send(bus, connection, way, size, sizeof(size));
	for (size_t at = 0; at < length; at += SEGMENT_MAX)
		bus_send(bus, connection, way, (const uint8_t *)body + at,
			length - at < SEGMENT_MAX ? length - at : SEGMENT_MAX);
}

void bus_say(struct bus *bus, struct bus_connection *connection, enum bus_way way, const char *dict)
{
	static const char begin[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC "
		"\"-//Apple//DTD "
		"PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist "
		"version=\"1.0\">\n<dict>";
	static const char end[] = "</dict>\n</plist>\n";
	size_t length = strlen(begin) + strlen(dict) + strlen(end);
	CLEANUP(freep) char *body = malloc(length + 1);

	assert(body);
	snprintf(body, length + 1, "%s%s%s", begin, dict, end);
	bus_say_body(bus, connection, way, body, length, (uint32_t)length);
}

/* -- a restore -- */

#define FILE_BYTES 98304
#define IMAGE_BYTES (4 * 1024 * 1024)

static void command(struct bus *bus, const char *text)
{
	bus_request(bus, 0x40, 0, 0, text, strlen(text) + 1);
}

/* A file as iBoot gets it: IM4P with that kind. `bytes` of it are sent. */
static void upload(struct bus *bus, const char *kind, size_t bytes)
{
	CLEANUP(freep) uint8_t *file = calloc(1, FILE_BYTES);
	uint8_t head[] = {0x30, 0x83, 0, 0, 0, 0x16, 4, 'I', 'M', '4', 'P', 0x16, 4, 0, 0, 0, 0};

	assert(file);
	head[2] = (uint8_t)((FILE_BYTES - 5) >> 16);
	head[3] = (uint8_t)((FILE_BYTES - 5) >> 8);
	head[4] = (uint8_t)(FILE_BYTES - 5);
	memcpy(head + 13, kind, 4);
	memcpy(file, head, sizeof(head));
	bus_request(bus, 0x41, 0, 0, NULL, 0);
	for (size_t at = 0; at < bytes; at += bus->transfer_max)
		bus_transfer(bus, 0x04, 0, file + at, bus->transfer_max);
}

static void run_iboot(struct bus *bus, enum bus_point point)
{
	bus_attach(bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_pass(bus, 500);
	command(bus, "setenv auto-boot false");
	upload(bus, "ibec", FILE_BYTES);
	command(bus, "go");
	bus_pass(bus, 300);
	bus_detach(bus);
	bus_pass(bus, 2000);
	bus_attach(bus, BUS_PRODUCT_RECOVERY, BUS_IBEC_SERIAL);
	bus_pass(bus, 500);
	upload(bus, "rdsk", point == BUS_AT_UPLOAD ? FILE_BYTES / 2 : FILE_BYTES);
	if (point == BUS_AT_UPLOAD)
		return;
	command(bus, "ramdisk");
	upload(bus, "rkrn", FILE_BYTES);
	command(bus, "bootx");
	bus_pass(bus, 300);
	bus_detach(bus);
}

static void say_progress(
	struct bus *bus, struct bus_connection *connection, unsigned operation, unsigned progress)
{
	char dict[256];

	snprintf(dict, sizeof(dict),
		"<key>MsgType</key><string>ProgressMsg</string><key>Operation</key><integer>%u"
		"</integer><key>Progress</key><integer>%u</integer>",
		operation, progress);
	bus_say(bus, connection, BUS_FROM_PHONE, dict);
}

static void say_checkpoint(
	struct bus *bus, struct bus_connection *connection, unsigned id, bool complete)
{
	char dict[512];

	snprintf(dict, sizeof(dict),
		"<key>MsgType</key><string>CheckpointMsg</string><key>CHECKPOINT_ID</"
		"key><integer>%u"
		"</integer><key>CHECKPOINT_NAME</key><string>wait_for_storage</string>"
		"<key>CHECKPOINT_RESULT</key><integer>0</integer><key>CHECKPOINT_COMPLETE</key>%s",
		id, complete ? "<true/>" : "<false/>");
	bus_say(bus, connection, BUS_FROM_PHONE, dict);
}

static struct bus_connection start_restored(struct bus *bus)
{
	struct bus_connection connection;

	bus_pass(bus, 9000);
	bus_attach(bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_pass(bus, 200);
	bus_greet(bus);
	connection = bus_open(bus, 62078);
	bus_say(bus, &connection, BUS_TO_PHONE,
		"<key>Label</key><string>idevicerestore</string><key>Request</key><string>QueryType"
		"</string>");
	bus_say(bus, &connection, BUS_FROM_PHONE,
		"<key>Request</key><string>QueryType</string><key>Result</key><string>Success"
		"</string><key>RestoreProtocolVersion</key><integer>15</integer><key>Type</key>"
		"<string>com.apple.mobile.restored</string>");
	return connection;
}

static struct bus_connection send_image(
	struct bus *bus, struct bus_connection *restored, size_t bytes)
{
	CLEANUP(freep) uint8_t *part = calloc(1, SEGMENT_MAX);
	struct bus_connection image;

	bus_say(bus, restored, BUS_FROM_PHONE,
		"<key>DataType</key><string>SystemImageData</string><key>MsgType</key>"
		"<string>DataRequestMsg</string>");
	image = bus_open(bus, 12345);
	for (size_t at = 0; at < bytes; at += SEGMENT_MAX)
		bus_send(bus, &image, BUS_TO_PHONE, part, SEGMENT_MAX);
	return image;
}

struct bus_connection bus_restore(
	struct bus *bus, enum bus_point point, struct bus_connection *ret_image)
{
	struct bus_connection restored = {0};

	run_iboot(bus, point);
	if (point <= BUS_AT_BOOT)
		return restored;
	restored = start_restored(bus);
	if (point == BUS_AT_QUERY)
		return restored;
	bus_say(bus, &restored, BUS_TO_PHONE,
		"<key>Label</key><string>idevicerestore</string><key>Request</key>"
		"<string>StartRestore</string><key>RestoreProtocolVersion</key><integer>15</"
		"integer>"
		"<key>RestoreOptions</key><dict><key>Label</key><string>inner</string></dict>");
	say_checkpoint(bus, &restored, 0x60d, false);
	say_checkpoint(bus, &restored, 0x60d, true);
	say_progress(bus, &restored, 11, 0);
	say_progress(bus, &restored, 12, 30);
	if (point == BUS_AT_OPERATION)
		return restored;
	if (point == BUS_AT_REQUEST) {
		bus_say(bus, &restored, BUS_FROM_PHONE,
			"<key>DataType</key><string>NORData</string><key>MsgType</key>"
			"<string>DataRequestMsg</string>");
		return restored;
	}
	*ret_image =
		send_image(bus, &restored, point == BUS_AT_IMAGE ? IMAGE_BYTES / 2 : IMAGE_BYTES);
	say_progress(bus, &restored, 13, 50);
	if (point == BUS_AT_IMAGE)
		return restored;
	bus_close(bus, ret_image);
	say_progress(bus, &restored, 13, 100);
	bus_say(bus, &restored, BUS_FROM_PHONE,
		"<key>AMRError</key><integer>0</integer><key>Log</key><string>restored says "
		"&lt;key&gt;Status&lt;/key&gt;</string><key>MsgType</key><string>StatusMsg</string>"
		"<key>Status</key><integer>0</integer>");
	return restored;
}

/* -- playing -- */

static struct stamp stamp_at(uint64_t monotonic_us)
{
	return (struct stamp){.monotonic_us = monotonic_us, .wall_us = BUS_WALL_US + monotonic_us};
}

static void feed_item(const struct bus_item *item, struct link_watcher *watcher)
{
	struct stamp now = stamp_at(item->at_us);
	struct link_device device = {.bus = item->bus,
		.address = item->address,
		.vendor = item->vendor,
		.product = item->product,
		.serial = item->serial};

	snprintf(device.port, sizeof(device.port), "%u-2", item->bus);
	switch (item->kind) {
	case BUS_RECORD:
		link_watcher_feed(watcher, now, item->bytes, item->length);
		break;
	case BUS_ATTACH:
		link_watcher_attach(watcher, &device, now);
		break;
	case BUS_DETACH:
		link_watcher_detach(watcher, item->bus, item->address, now);
		break;
	case BUS_LOST:
		link_watcher_lost(watcher, item->bus, item->records);
		break;
	case BUS_CORRECTED:
		link_watcher_wire_error(watcher, device.port, now);
		break;
	case BUS_PASS:
		break;
	}
}

void bus_play_item(const struct bus *bus, size_t i, struct link_watcher *watcher)
{
	const struct bus_item *item = &bus->items[i];
	uint64_t due, last = 0;

	while ((due = link_watcher_deadline(watcher)) && due <= item->at_us) {
		/* A deadline that a tick does not move would make a program spin. */
		assert(due > last);
		last = due;
		link_watcher_tick(watcher, stamp_at(due));
	}
	feed_item(item, watcher);
}

void bus_play(const struct bus *bus, struct link_watcher *watcher)
{
	for (size_t i = 0; i < bus->count; i++)
		bus_play_item(bus, i, watcher);
}

void bus_write_line(void *user, const struct event *event)
{
	struct bus_lines *lines = user;
	size_t room = sizeof(lines->text) - lines->length;
	int length = snprintf(lines->text + lines->length, room, "%s %s %u %" PRId64 " %u %d\n",
		event_kind_name(event->kind), *event->name ? event->name : "-", event->number,
		event->code, event->flag, event->permille);

	assert(event->source == SOURCE_LINK && event->at.monotonic_us >= BUS_START_US);
	assert(text_is_utf8(event->name, strlen(event->name)) && event->text_length == 0);
	lines->count++;
	if ((size_t)length < room)
		lines->length += (size_t)length;
}
