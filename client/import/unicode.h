/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts UTF-16 to UTF-8, in pieces: a Windows console writes UTF-16 when its output is
 * redirected to a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of UTF-8 for `length` bytes of UTF-16: up to three for two, plus the rest of the last
 * piece. */
#define UNICODE_ROOM(length) (2 * (length) + 8)

struct unicode {
	bool wide; /* the text is UTF-16 */
	bool big;  /* high byte first */
	bool odd;  /* first byte of an incomplete pair */
	uint8_t first;
	uint16_t high; /* the first half of a surrogate pair; 0 = none */
};

/* Looks for a byte order mark at the start of a text. Returns its size in bytes, 0 if there is
 * none. */
size_t unicode_begin(struct unicode *unicode, const char *head, size_t length);
/* Converts `length` bytes of UTF-16 to UTF-8. Unpaired surrogates become U+FFFD. Returns the bytes
 * written, at most UNICODE_ROOM(length). */
size_t unicode_convert(struct unicode *unicode, const char *bytes, size_t length, char *out);
