/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/mux.h"

#include "common/base/macro.h"

#include <errno.h>
#include <string.h>

#define HEADER_SHORT_BYTES 8
#define HEADER_LONG_BYTES 16
#define MAGIC 0xfeedface
#define VERSION_BYTES 12
#define VERSION_MAJOR 2
#define TCP_HEADER_BYTES 20
#define TCP_OFFSET_FIELD (TCP_HEADER_BYTES / 4 << 4)
/* The field counts in units of 256 bytes. */
#define TCP_WINDOW_FIELD (128 * 1024 / 256)
#define SEGMENT_MAXIMUM_BYTES 8192
/* usbmuxd sends at most three USB transfers of 16 KiB a packet. */
#define INPUT_MAXIMUM_BYTES (3 * 16 * 1024)

enum protocol {
	PROTOCOL_VERSION = 0,
	PROTOCOL_SETUP = 2,
	PROTOCOL_TCP = 6,
};

enum tcp_flag {
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

struct mux_packet {
	STAILQ_ENTRY(mux_packet) link;
	size_t size;
	uint8_t data[MUX_PACKET_MAXIMUM_BYTES];
};

/* One TCP segment of the host. */
struct segment {
	uint16_t host_port;
	uint16_t phone_port;
	uint32_t sequence;
	uint8_t flags;
	const uint8_t *data;
	size_t size;
};

void mux_init(struct mux *mux, const struct identity *identity, enum mode mode,
	const struct faults *faults, const struct report *report)
{
	*mux = (struct mux){.report = report, .identity = identity, .faults = faults, .mode = mode};
	STAILQ_INIT(&mux->output);
}

static void close_connection(struct mux_connection *connection)
{
	if (!connection->open)
		return;
	if (connection->phone_port == IMAGE_PORT)
		image_done(&connection->image);
	else if (connection->phone_port == SERVICE_PORT)
		service_done(&connection->service);
	connection->open = false;
}

void mux_done(struct mux *mux)
{
	for (size_t i = 0; i < ARRAY_SIZE(mux->connections); i++)
		close_connection(&mux->connections[i]);
	while (!STAILQ_EMPTY(&mux->output))
		mux_sent(mux);
	bytes_done(&mux->input);
}

const uint8_t *mux_peek(const struct mux *mux, size_t *ret_size)
{
	const struct mux_packet *packet = STAILQ_FIRST(&mux->output);

	if (!packet)
		return NULL;
	*ret_size = packet->size;
	return packet->data;
}

void mux_sent(struct mux *mux)
{
	struct mux_packet *packet = STAILQ_FIRST(&mux->output);

	STAILQ_REMOVE_HEAD(&mux->output, link);
	free(packet);
}

/* Queues one packet out of up to two pieces. */
static int send_packet(struct mux *mux, enum protocol protocol, const uint8_t *head,
	size_t head_bytes, const uint8_t *data, size_t size)
{
	const size_t header = mux->ready ? HEADER_LONG_BYTES : HEADER_SHORT_BYTES;
	struct mux_packet *packet = malloc(sizeof(*packet));

	if (!packet)
		return -ENOMEM;
	packet->size = header + head_bytes + size;
	put_be32(packet->data, protocol);
	put_be32(packet->data + 4, (uint32_t)packet->size);
	if (mux->ready) {
		put_be32(packet->data + 8, MAGIC);
		put_be16(packet->data + 12, mux->sent_packets++);
		put_be16(packet->data + 14, mux->received_packets);
	}
	memcpy(packet->data + header, head, head_bytes);
	if (size > 0)
		memcpy(packet->data + header + head_bytes, data, size);
	STAILQ_INSERT_TAIL(&mux->output, packet, link);
	return 0;
}

static int answer_version(struct mux *mux)
{
	uint8_t version[VERSION_BYTES] = {0};
	int r;

	report(mux->report, "mux version");
	if (mux->faults->kinds[FAULT_VERSION] == FAULT_SILENT)
		return 0;
	mux->ready = false;
	put_be32(version, VERSION_MAJOR);
	r = send_packet(mux, PROTOCOL_VERSION, version, sizeof(version), NULL, 0);
	mux->ready = true;
	mux->sent_packets = 0;
	return r;
}

static int send_segment(struct mux *mux, const struct segment *to, uint32_t sequence,
	uint32_t acknowledged, uint8_t flags, const uint8_t *data, size_t size)
{
	uint8_t header[TCP_HEADER_BYTES] = {0};

	put_be16(header, to->phone_port);
	put_be16(header + 2, to->host_port);
	put_be32(header + 4, sequence);
	put_be32(header + 8, acknowledged);
	header[12] = TCP_OFFSET_FIELD;
	header[13] = flags;
	put_be16(header + 14, TCP_WINDOW_FIELD);
	return send_packet(mux, PROTOCOL_TCP, header, sizeof(header), data, size);
}

static struct mux_connection *find_connection(struct mux *mux, uint16_t host_port)
{
	for (size_t i = 0; i < ARRAY_SIZE(mux->connections); i++) {
		struct mux_connection *connection = &mux->connections[i];

		if (connection->open && connection->host_port == host_port)
			return connection;
	}
	return NULL;
}

static struct mux_connection *free_connection(struct mux *mux)
{
	for (size_t i = 0; i < ARRAY_SIZE(mux->connections); i++) {
		if (!mux->connections[i].open)
			return &mux->connections[i];
	}
	return NULL;
}

/* Acknowledges what came and sends `reply` along, in as many segments as it takes. */
static int send_reply(struct mux *mux, struct mux_connection *connection,
	const struct segment *segment, const struct bytes *reply)
{
	size_t done = 0;
	int r;

	do {
		size_t size = reply->size - done;

		if (size > SEGMENT_MAXIMUM_BYTES)
			size = SEGMENT_MAXIMUM_BYTES;
		r = send_segment(mux, segment, connection->sent, connection->received, TCP_ACK,
			reply->data ? reply->data + done : NULL, size);
		if (r < 0)
			return r;
		connection->sent += (uint32_t)size;
		done += size;
	} while (done < reply->size);
	return 0;
}

static bool is_served(const struct mux *mux, uint16_t port)
{
	if (port == IMAGE_PORT)
		return mux->mode == MODE_RESTORE;
	if (port == ECHO_PORT)
		return mux->mode == MODE_NORMAL;
	return port == SERVICE_PORT && mux->faults->kinds[FAULT_SERVICE] != FAULT_REFUSED;
}

static int open_connection(struct mux *mux, const struct segment *segment)
{
	struct mux_connection *connection = free_connection(mux);
	CLEANUP(bytes_done) struct bytes greeting = {0};
	int r;

	if (!is_served(mux, segment->phone_port) || !connection) {
		report(mux->report, "refuse %u", segment->phone_port);
		return send_segment(mux, segment, 0, segment->sequence + 1, TCP_RST, NULL, 0);
	}
	report(mux->report, "connect %u", segment->phone_port);
	*connection = (struct mux_connection){
		.open = true,
		.host_port = segment->host_port,
		.phone_port = segment->phone_port,
		.sent = 1,
		.received = segment->sequence + 1,
	};
	r = send_segment(mux, segment, 0, connection->received, TCP_SYN | TCP_ACK, NULL, 0);
	if (segment->phone_port == SERVICE_PORT) {
		service_init(&connection->service, mux->identity, mux->mode, mux->report);
		return r;
	}
	if (r == 0 && segment->phone_port == IMAGE_PORT)
		r = image_init(&connection->image, mux->report, &greeting);
	return r < 0 ? r : send_reply(mux, connection, segment, &greeting);
}

int mux_send(struct mux *mux, const struct bytes *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(mux->connections); i++) {
		struct mux_connection *connection = &mux->connections[i];
		const struct segment segment = {
			.host_port = connection->host_port,
			.phone_port = SERVICE_PORT,
		};

		if (connection->open && connection->phone_port == SERVICE_PORT &&
			connection->service.restoring)
			return send_reply(mux, connection, &segment, message);
	}
	return -ENOTCONN;
}

static int take_data(
	struct mux *mux, struct mux_connection *connection, const struct segment *segment)
{
	CLEANUP(bytes_done) struct bytes reply = {0};
	int r = 0;

	if (segment->size == 0)
		return 0;
	connection->received += (uint32_t)segment->size;
	if (connection->phone_port == IMAGE_PORT)
		r = image_feed(&connection->image, segment->data, segment->size, &reply);
	else if (connection->phone_port == ECHO_PORT)
		r = bytes_append(&reply, segment->data, segment->size, INPUT_MAXIMUM_BYTES);
	else if (mux->faults->kinds[FAULT_SERVICE] != FAULT_SILENT)
		r = service_feed(&connection->service, segment->data, segment->size, &reply);
	if (r < 0) {
		close_connection(connection);
		return send_segment(
			mux, segment, connection->sent, connection->received, TCP_RST, NULL, 0);
	}
	return send_reply(mux, connection, segment, &reply);
}

static int take_segment(struct mux *mux, const struct segment *segment)
{
	struct mux_connection *connection = find_connection(mux, segment->host_port);

	if (segment->flags & TCP_RST) {
		if (connection)
			close_connection(connection);
		return 0;
	}
	if (segment->flags & TCP_SYN)
		return open_connection(mux, segment);
	if (!connection)
		return send_segment(mux, segment, 0, segment->sequence, TCP_RST, NULL, 0);
	return take_data(mux, connection, segment);
}

static int take_tcp(struct mux *mux, const uint8_t *data, size_t size)
{
	struct segment segment;

	if (size < TCP_HEADER_BYTES)
		return -EBADMSG;
	segment = (struct segment){
		.host_port = get_be16(data),
		.phone_port = get_be16(data + 2),
		.sequence = get_be32(data + 4),
		.flags = data[13],
		.data = data + TCP_HEADER_BYTES,
		.size = size - TCP_HEADER_BYTES,
	};
	return take_segment(mux, &segment);
}

static int take_packet(struct mux *mux, const uint8_t *packet, size_t size)
{
	const enum protocol protocol = get_be32(packet);

	/* Sent before either side knows the other's version, hence always with the short header. */
	if (protocol == PROTOCOL_VERSION)
		return answer_version(mux);
	if (!mux->ready || size < HEADER_LONG_BYTES)
		return -EBADMSG;
	mux->received_packets = get_be16(packet + 12);
	if (protocol == PROTOCOL_SETUP)
		return 0;
	if (protocol != PROTOCOL_TCP)
		return -EBADMSG;
	return take_tcp(mux, packet + HEADER_LONG_BYTES, size - HEADER_LONG_BYTES);
}

int mux_input(struct mux *mux, const uint8_t *data, size_t size)
{
	struct bytes *input = &mux->input;
	int r = bytes_append(input, data, size, INPUT_MAXIMUM_BYTES);

	while (r == 0 && input->size >= HEADER_SHORT_BYTES) {
		const uint32_t length = get_be32(input->data + 4);

		if (length < HEADER_SHORT_BYTES || length > INPUT_MAXIMUM_BYTES) {
			r = -EBADMSG;
			break;
		}
		if (input->size < length)
			return 0;
		r = take_packet(mux, input->data, length);
		bytes_drop(input, length);
	}
	if (r < 0)
		bytes_drop(input, input->size);
	return r == -ENOBUFS ? -EBADMSG : r;
}
