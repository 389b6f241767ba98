/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of usbmuxd's socket: bytes in, messages out. It has no state and opens nothing. A
 * frame has four little-endian 32-bit numbers (length with this header, version 1, type 8, tag) and
 * a property list in XML, as in libusbmuxd's usbmuxd-proto.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

#define USBMUX_FRAME_MAX 65536 /* bytes including the header; an Attached message has about 800 */
#define USBMUX_HEADER_BYTES 16
#define USBMUX_DEPTH_MAX 8 /* nested dicts and arrays; an Attached message has 2 */

enum usbmux_message_kind {
	USBMUX_OTHER, /* well-formed but not needed: Paired… */
	USBMUX_RESULT,
	USBMUX_ATTACHED,
	USBMUX_DETACHED,
};

struct usbmux_message {
	enum usbmux_message_kind kind;
	uint32_t result;      /* RESULT: 0 = done */
	uint32_t device_id;   /* ATTACHED, DETACHED; each usbmuxd starts at 1 */
	bool usb;	      /* ATTACHED: USB, not network */
	bool bad_serial;      /* ATTACHED: the serial number is not a UDID */
	char udid[UDID_SIZE]; /* empty if usbmuxd had none */
	uint32_t location;    /* bus << 16 | address; 0 = unknown */
	uint32_t speed_mbps;  /* 0 = unknown */
};

/* Reads the first frame of `bytes`. Returns 1 with *ret and *ret_used set, 0 if more bytes are
 * needed, -EMSGSIZE for a frame over USBMUX_FRAME_MAX, or -EBADMSG for an invalid message; after an
 * error the stream is unusable. */
int usbmux_frame_read(
	const uint8_t *bytes, size_t length, size_t *ret_used, struct usbmux_message *ret);
/* Writes the request for all attached devices and all later changes. Returns its bytes, or -ENOSPC
 * if `size` is too small. */
int usbmux_frame_listen(uint8_t *out, size_t size);
