/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-16 as UTF-8, in pieces: a Windows console writes logs so when its output goes to a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of UTF-8 that may come of one byte of UTF-16: three of each two, and what was left over. */
#define UNICODE_ROOM(length) (2 * (length) + 8)

struct unicode {
	bool wide; /* the text is UTF-16 */
	bool big;  /* with the high byte first */
	bool odd;  /* a byte of a pair came alone */
	uint8_t first;
	uint16_t high; /* the first half of a surrogate pair; 0 = none */
};

/* Looks for the mark at the beginning of a text. Returns the bytes of it, 0 where there is none. */
size_t unicode_begin(struct unicode *unicode, const char *head, size_t length);
/* Writes `length` bytes of UTF-16 as UTF-8. Halves of pairs that stand alone become U+FFFD. Returns
 * the bytes written, at most UNICODE_ROOM(length). */
size_t unicode_convert(struct unicode *unicode, const char *bytes, size_t length, char *out);
