/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The protocol of usbmuxd over two bulk endpoints: packets, in them segments of TCP without a
 * checksum. Facts from usbmuxd, device.c and usb.c. */
#include <string.h>

#include "common/link/private.h"

enum protocol { MUX_VERSION = 0, MUX_CONTROL = 1, MUX_SETUP = 2, MUX_TCP = 6 };
enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

#define MUX_MAGIC 0xfeedface
#define MUX_HEADER_OLD 8 /* version 1, and the question for the version */
#define MUX_HEADER 16
#define MUX_VERSION_PACKET 20 /* bytes */
#define MUX_PACKET_MAX 131072 /* bytes; usbmuxd sends 48 KiB and accepts 64 */
#define TCP_HEADER 20
#define WINDOW_SHIFT 8 /* usbmux counts its window in units of 256 bytes */
#define REPEATED_MAX 2 /* segments; usbmux repeats none, so more of them are no copies */

static uint32_t read32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* -- connections -- */

static void forget_connection(struct device *device, struct connection *connection)
{
	for (size_t i = 0; i < DIRECTIONS; i++)
		if (device->mux[i].connection == connection)
			device->mux[i].connection = NULL;
	if (device->serves == connection)
		device->serves = NULL;
	if (connection->dialogue)
		dialogue_end(connection->dialogue);
	*connection = (struct connection){0};
}

static struct connection *find_connection(
	struct device *device, struct stamp at, uint16_t host_port, uint16_t phone_port)
{
	struct connection *oldest = &device->connections[0];

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &device->connections[i];

		if (connection->used_us && connection->host_port == host_port &&
			connection->phone_port == phone_port) {
			connection->used_us = at.monotonic_us;
			return connection;
		}
		if (connection->used_us < oldest->used_us)
			oldest = connection;
	}
	forget_connection(device, oldest);
	oldest->host_port = host_port;
	oldest->phone_port = phone_port;
	oldest->used_us = at.monotonic_us;
	return oldest;
}

/* Whether the computer has sent all that the phone accepts. */
static void follow_window(struct connection *connection, struct stamp at)
{
	bool closed = connection->open && connection->window_known && connection->known[TO_PHONE] &&
		      connection->next[TO_PHONE] != connection->acknowledged &&
		      (int32_t)(connection->accepts_to - connection->next[TO_PHONE]) <= 0;

	if (!closed)
		connection->closed_since_us = 0;
	else if (!connection->closed_since_us)
		connection->closed_since_us = at.monotonic_us;
}

/* -- segments -- */

static void read_payload(struct device *device, struct stamp at, struct connection *connection,
	enum direction direction, const uint8_t *bytes, size_t length)
{
	device->heard_us[direction] = at.monotonic_us;
	if (direction == TO_PHONE) {
		connection->sent += length;
		dialogue_data(device, at, connection);
	}
	if (connection->phone_port == PORT_RESTORED)
		dialogue_feed(device, at, connection, direction, bytes, length);
}

/* Bytes of the stream that were not captured. */
static void miss_payload(struct connection *connection, enum direction direction, size_t length)
{
	if (length > 0)
		dialogue_gap(connection, direction);
}

static void open_or_close(struct device *device, struct stamp at, struct connection *connection,
	enum direction direction, uint8_t flags)
{
	if (flags & (TCP_RST | TCP_FIN)) {
		if (connection->open)
			dialogue_closed(device, at, connection);
		connection->open = false;
	} else if (flags & TCP_SYN && direction == FROM_PHONE) {
		connection->open = true;
		connection->opened_us = at.monotonic_us;
	} else if (!(flags & TCP_SYN)) {
		/* It was opened before the phone was followed. */
		connection->open = true;
	}
}

/* Puts the segment into its stream. Returns the bytes of its payload that were seen before. */
static uint32_t place_segment(struct connection *connection, enum direction direction,
	uint8_t flags, uint32_t sequence, uint32_t payload)
{
	uint32_t *next = &connection->next[direction];
	uint32_t behind = *next - sequence;
	bool known = connection->known[direction];
	uint32_t seen = 0;

	connection->known[direction] = true;
	if (flags & TCP_SYN) {
		*next = sequence + 1;
		return payload;
	}
	if (known && (int32_t)behind > 0 && payload > 0 &&
		++connection->repeated[direction] <= REPEATED_MAX) {
		seen = behind < payload ? behind : payload;
		if (seen < payload)
			*next = sequence + payload;
		return seen;
	}
	/* Without a payload, it does not move the stream. */
	if (known && payload == 0)
		return 0;
	connection->repeated[direction] = 0;
	if (!known || behind != 0)
		dialogue_gap(connection, direction);
	*next = sequence + payload;
	return 0;
}

/* Reads the header of a segment of `length` bytes. Returns the bytes before the part of the payload
 * that is new, and sets *ret; 0 = it is damaged. */
static size_t read_segment(struct device *device, struct stamp at, enum direction direction,
	const uint8_t *header, uint32_t length, struct connection **ret)
{
	uint16_t from = read16(header), to = read16(header + 2);
	uint32_t header_bytes = (header[12] >> 4) * UINT32_C(4);
	uint8_t flags = header[13];
	struct connection *connection;
	uint32_t payload, seen;

	if (header_bytes < TCP_HEADER || header_bytes > length)
		return 0;
	payload = length - header_bytes;
	connection = direction == TO_PHONE ? find_connection(device, at, from, to)
					   : find_connection(device, at, to, from);
	if (flags & TCP_SYN && direction == TO_PHONE) {
		forget_connection(device, connection);
		connection = find_connection(device, at, from, to);
	}
	open_or_close(device, at, connection, direction, flags);
	/* A refusal has the reason as text. */
	seen = flags & TCP_RST
		       ? payload
		       : place_segment(connection, direction, flags, read32(header + 4), payload);
	if (direction == FROM_PHONE && flags & TCP_ACK) {
		connection->window_known = true;
		connection->acknowledged = read32(header + 8);
		connection->accepts_to =
			connection->acknowledged + ((uint32_t)read16(header + 14) << WINDOW_SHIFT);
	}
	follow_window(connection, at);
	*ret = connection;
	return header_bytes + seen;
}

/* -- packets -- */

/* The bytes of a packet's mux header; 0 = none begins here. */
static size_t mux_header(const struct device *device, const uint8_t *bytes, size_t length)
{
	uint32_t protocol, packet;

	if (length < MUX_VERSION_PACKET)
		return 0;
	protocol = read32(bytes);
	packet = read32(bytes + 4);
	if (protocol == MUX_VERSION && packet == MUX_VERSION_PACKET)
		return MUX_HEADER_OLD;
	if (packet > MUX_PACKET_MAX)
		return 0;
	if (read32(bytes + 8) == MUX_MAGIC)
		return protocol <= MUX_TCP && packet >= MUX_HEADER ? MUX_HEADER : 0;
	return device->mux_version == 1 && protocol == MUX_TCP &&
			       packet >= MUX_HEADER_OLD + TCP_HEADER
		       ? MUX_HEADER_OLD
		       : 0;
}

/* Begins a packet; returns the bytes that were read, 0 = there is none. */
static size_t begin_packet(struct device *device, struct stamp at, enum direction direction,
	const uint8_t *bytes, size_t length)
{
	struct mux_side *side = &device->mux[direction];
	size_t header = mux_header(device, bytes, length), before;
	uint32_t packet;

	side->connection = NULL;
	if (!header)
		return 0;
	packet = read32(bytes + 4);
	side->left = packet - header;
	if (read32(bytes) == MUX_VERSION && direction == FROM_PHONE)
		device->mux_version = read32(bytes + header) < 2 ? 1 : 2;
	if (read32(bytes) != MUX_TCP || packet < header + TCP_HEADER ||
		length < header + TCP_HEADER)
		return header;
	before = read_segment(device, at, direction, bytes + header, packet - (uint32_t)header,
		&side->connection);
	if (before > length - header)
		before = length - header;
	side->left -= before;
	return header + before;
}

static bool begins_with_magic(const struct device *device, const uint8_t *bytes, size_t length)
{
	return mux_header(device, bytes, length) == MUX_HEADER;
}

/* The endpoint of the mux is the one on which its packets begin. */
static bool is_mux(struct device *device, enum direction direction, uint8_t endpoint,
	const uint8_t *bytes, size_t length)
{
	struct mux_side *side = &device->mux[direction];

	if (side->endpoint != endpoint &&
		(begins_with_magic(device, bytes, length) ||
			(!side->endpoint && mux_header(device, bytes, length))))
		*side = (struct mux_side){.endpoint = endpoint};
	return side->endpoint == endpoint;
}

/* Reads the payload of the packet: `seen` bytes of it, after which `missing` are not there. */
static void continue_packet(struct device *device, struct stamp at, enum direction direction,
	const uint8_t *bytes, size_t seen, size_t missing)
{
	struct mux_side *side = &device->mux[direction];

	side->left -= seen + missing;
	if (!side->connection)
		return;
	if (seen > 0)
		read_payload(device, at, side->connection, direction, bytes, seen);
	if (side->connection)
		miss_payload(side->connection, direction, missing);
}

void mux_feed(struct device *device, struct stamp at, uint8_t endpoint, const uint8_t *bytes,
	size_t captured, size_t length)
{
	enum direction direction = endpoint & USB_IN ? FROM_PHONE : TO_PHONE;
	struct mux_side *side = &device->mux[direction];
	size_t used = 0;

	if (!is_mux(device, direction, endpoint, bytes, captured))
		return;
	/* A packet begins with a transfer: the rest of the one before was not sent, or not seen. */
	if (begins_with_magic(device, bytes, captured))
		side->left = 0;
	while (used < captured) {
		size_t part = captured - used;

		if (side->left == 0) {
			part = begin_packet(device, at, direction, bytes + used, part);
			/* The next transfer may begin with a packet. */
			if (part == 0)
				return;
		} else {
			if (part > side->left)
				part = (size_t)side->left;
			continue_packet(device, at, direction, bytes + used, part, 0);
		}
		used += part;
	}
	if (length > captured) {
		size_t missing = length - captured;

		continue_packet(device, at, direction, NULL, 0,
			missing < side->left ? missing : (size_t)side->left);
	}
}

void mux_gap(struct device *device)
{
	for (size_t i = 0; i < DIRECTIONS; i++)
		if (device->mux[i].connection && device->mux[i].left > 0)
			dialogue_gap(device->mux[i].connection, (enum direction)i);
}
