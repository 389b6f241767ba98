/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The USB descriptors of the phone in each mode (USB 2.0 specification, chapter 9.6). */
/* It keeps to what usbmuxd and libirecovery look at: a real phone has more configurations and
 * interfaces in normal mode. */
#pragma once

#include "tests/vm/phone/identity.h"

#include <stddef.h>
#include <stdint.h>

#define DESCRIPTOR_MAXIMUM_BYTES 512

/* Endpoint numbers, without the direction bit. */
#define ENDPOINT_FROM_HOST 4
#define ENDPOINT_IBOOT_TO_HOST 1
#define ENDPOINT_MUX_TO_HOST 5

/* Writes the descriptor that GET_DESCRIPTOR with `value` (type << 8 | index) asks for. Returns its
 * size in bytes, or -EPIPE when the phone has none such. */
int descriptor_get(const struct identity *identity, enum mode mode, uint16_t value,
	uint8_t descriptor[DESCRIPTOR_MAXIMUM_BYTES]);
