/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One transfer on the control endpoint, as the modules that answer it get it. */
/* Source of the setup packet's layout: USB 2.0 specification, chapter 9.3. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct control {
	uint8_t type; /* direction, kind and recipient: bmRequestType */
	uint8_t request;
	uint16_t value;
	uint16_t index;
	uint16_t length;
	const uint8_t *data; /* `length` bytes from the host, when the direction is that */
};

#define CONTROL_REPLY_MAXIMUM_BYTES 512
