/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/piece.h"

#include "common/base/text.h"

#define ENCODED_BYTES_MAX 60000
#define CHARACTER_BYTES_MAX 4

/* The size of the byte in JSON: \u001b, \n, or itself. */
static size_t encoded_bytes(unsigned char c)
{
	if (c < 0x20)
		return 6;
	return c == '"' || c == '\\' ? 2 : 1;
}

/* The length of the character at `text`, 0 if it is invalid. */
static size_t character_bytes(const char *text, size_t available)
{
	for (size_t n = 1; n <= CHARACTER_BYTES_MAX && n <= available; n++)
		if (text_is_utf8(text, n))
			return n;
	return 0;
}

/* Whether the bytes may be the start of an incomplete character. */
static bool is_beginning(const char *text, size_t available)
{
	unsigned char lead = (unsigned char)text[0];
	size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;

	if (lead > 0xf4 || available >= wanted)
		return false;
	for (size_t i = 1; i < available; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t piece_prepare(char *bytes, size_t length, bool last)
{
	size_t at = 0, encoded = 0;

	while (at < length) {
		size_t n = bytes[at] ? character_bytes(bytes + at, length - at) : 0;

		if (n == 0) {
			if (!last && is_beginning(bytes + at, length - at))
				break;
			bytes[at] = '?';
			n = 1;
		}
		encoded += n == 1 ? encoded_bytes((unsigned char)bytes[at]) : n;
		if (encoded > ENCODED_BYTES_MAX)
			break;
		at += n;
	}
	return at;
}
