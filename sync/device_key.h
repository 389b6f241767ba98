/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name of a phone on the server: a keyed hash of its ECID. Without the shop's key, nobody can
 * find the ECID, which has too few values for a plain hash. */
#pragma once

#include <stdint.h>

#include "sync/settings.h"

#define DEVICE_KEY_SIZE 65 /* 64 hex digits, NUL */

/* HMAC-SHA-256 of the ECID's 8 bytes, most significant first. */
void device_key_make(const unsigned char shop_key[static SHOP_KEY_BYTES], uint64_t ecid,
	char ret[static DEVICE_KEY_SIZE]);
