/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phone's end of usbmux over USB, version 2: packets, and the small TCP inside them. */
/* It moves no bytes to USB itself, and loses and repeats nothing, since USB does neither. Reports:
 * "mux version", "connect PORT", "refuse PORT". Source: usbmuxd 1.1.1 (device.c). */
#pragma once

#include "tests/vm/phone/bytes.h"
#include "tests/vm/phone/fault.h"
#include "tests/vm/phone/identity.h"
#include "tests/vm/phone/image.h"
#include "tests/vm/phone/report.h"
#include "tests/vm/phone/service.h"

#include <stdbool.h>
#include <sys/queue.h>

/* A service of normal mode that sends back what it is sent: it stands for a file service. */
#define ECHO_PORT 50000
#define MUX_CONNECTION_COUNT 16
/* usbmuxd takes a packet in one read of 16 KiB only. */
#define MUX_PACKET_MAXIMUM_BYTES (16 * 1024 - 1)

struct mux_packet;
STAILQ_HEAD(mux_packets, mux_packet);

/* Invariant: while `open`, the service of `phone_port` is initialised: `image` or `service`;
 * that of ECHO_PORT needs none. */
struct mux_connection {
	bool open;
	uint16_t host_port;
	uint16_t phone_port;
	uint32_t sent;	   /* our sequence number */
	uint32_t received; /* the host's, as we acknowledge it */
	struct systemd service;
	struct image image;
};

struct mux {
	const struct report *report;
	const struct identity *identity;
	const struct faults *faults;
	enum mode mode;
	bool ready; /* versions were exchanged: headers are long from now on */
	uint16_t sent_packets;
	uint16_t received_packets;
	struct bytes input;
	struct mux_packets output; /* oldest first, one USB transfer each */
	struct mux_connection connections[MUX_CONNECTION_COUNT];
};

/* Starts the mux of a phone in `mode`. What is pointed to must outlive it. */
void mux_init(struct mux *mux, const struct identity *identity, enum mode mode,
	const struct faults *faults, const struct report *report);
void mux_done(struct mux *mux);

/* Takes one USB transfer from the host. Returns 0, -EBADMSG for something that is no packet (what
 * was gathered is dropped), or -ENOMEM. */
int mux_input(struct mux *mux, const uint8_t *data, size_t size);

/* Sends a message on the connection on which restored was told to start. Returns 0, -ENOTCONN when
 * there is none, or -ENOMEM. */
int mux_send(struct mux *mux, const struct bytes *message);

/* The next packet for the host, and its size; NULL while there is none. Valid until the next call
 * of mux_sent(). */
const uint8_t *mux_peek(const struct mux *mux, size_t *ret_size);

/* Drops the packet that mux_peek() gave. */
void mux_sent(struct mux *mux);
