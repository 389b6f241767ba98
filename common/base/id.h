/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Identifiers: UUIDs of sessions, ECIDs and UDIDs of phones. Does not decide what is masked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"

#define UUID_TEXT_SIZE 37 /* bytes with the NUL */
#define UDID_SIZE 48	  /* bytes with the NUL; the longest known UDID has 40 characters */
#define ECID_TEXT_SIZE 19 /* "0x", 16 hex digits, NUL */

/* All bytes zero means "none". */
struct uuid {
	uint8_t bytes[16];
};

/* Creates a time-ordered UUID (RFC 9562, version 7) for the time `now`. */
struct uuid uuid_make(struct stamp now);
bool uuid_is_none(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
void uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_SIZE]);
/* Reads the 36-character form. Returns 0, or -EINVAL with *ret untouched. */
int uuid_parse(const char *text, struct uuid *ret);

/* Writes `0x` and 16 hex digits; the empty text for 0 (unknown). */
void ecid_format(uint64_t ecid, char text[static ECID_TEXT_SIZE]);
/* Reads an ECID as people and tools write it: 0x1A…, 1A… with 9 to 16 hex digits when it has a
 * letter or is 16 long, else decimal. Returns 0, or -EINVAL with *ret untouched. */
int ecid_parse(const char *text, uint64_t *ret);
/* Converts a UDID into the form that usbmuxd lists: 40 lower-case hex digits, or 8-16 upper-case
 * ones with the dash (added to 24 hex digits, as on USB). Returns 0, or -EINVAL. */
int udid_normalize(const char *text, char udid[static UDID_SIZE]);
/* The ECID in the UDID of an A12 or later phone; 0 if the UDID has none. */
uint64_t udid_ecid(const char *udid);
