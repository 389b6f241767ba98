/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of usbmuxd's socket: bytes in, messages out. Keeps no state, opens nothing.
 * A frame is four little-endian 32-bit numbers (length with this header, version 1, type 8, tag)
 * and a property list in XML, as libusbmuxd's usbmuxd-proto.h has it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

#define USBMUX_FRAME_MAX 65536 /* bytes with the header; an Attached message has about 800 */
#define USBMUX_HEADER_BYTES 16
#define USBMUX_DEPTH_MAX 8 /* dicts and arrays in each other; an Attached message has 2 */

enum usbmux_message_kind {
	USBMUX_OTHER, /* well-formed, of no interest here: Paired… */
	USBMUX_RESULT,
	USBMUX_ATTACHED,
	USBMUX_DETACHED,
};

struct usbmux_message {
	enum usbmux_message_kind kind;
	uint32_t result;      /* RESULT: 0 = done */
	uint32_t device_id;   /* ATTACHED, DETACHED; starts over at 1 with each usbmuxd */
	bool usb;	      /* ATTACHED: by USB, not by network */
	bool bad_serial;      /* ATTACHED: the serial number is no UDID */
	char udid[UDID_SIZE]; /* empty where usbmuxd had none */
	uint32_t location;    /* bus << 16 | address, 0 = not told */
	uint32_t speed_mbps;  /* 0 = not told */
};

/* Reads the first frame of `bytes`. Returns 1 with *ret and *ret_used set, 0 when more bytes are
 * needed, -EMSGSIZE for a frame over USBMUX_FRAME_MAX, -EBADMSG for what is no message of this
 * protocol; after an error the stream cannot be read on. */
int usbmux_frame_read(
	const uint8_t *bytes, size_t length, size_t *ret_used, struct usbmux_message *ret);
/* Writes the request for all attached devices and each change from now on. Returns its bytes, or
 * -ENOSPC where `size` is too small. */
int usbmux_frame_listen(uint8_t *out, size_t size);
