/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length of the valid UTF-8 sequence at `text`, 0 where there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text, size_t available)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t i = 0; i < 4; i++) {
		uint32_t point;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (i >= available)
			return 0;
		point = text[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k <= i; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (text[k] & 0x3f);
		}
		if (point < forms[i].least || point > 0x10ffff ||
			(point >= 0xd800 && point < 0xe000))
			return 0;
		return i + 1;
	}
	return 0;
}

size_t text_clean(const char *text, size_t length, char *out, size_t size)
{
	size_t written = 0, at = 0;

	if (size == 0)
		return 0;
	while (at < length) {
		const unsigned char *c = (const unsigned char *)text + at;
		size_t n = utf8_length(c, length - at);
		/* U+0080 to U+009F are control characters too: terminals obey them. */
		bool control =
			n == 1 ? *c < 0x20 || *c == 0x7f : n == 2 && c[0] == 0xc2 && c[1] < 0xa0;

		if (written + (n ? n : 1) >= size)
			break;
		if (n == 0 || control)
			out[written++] = *c == '\t' ? ' ' : '?';
		else
			for (size_t k = 0; k < n; k++)
				out[written++] = (char)c[k];
		at += n ? n : 1;
	}
	out[written] = '\0';
	return written;
}

bool text_copy(char *out, size_t size, const char *text)
{
	return (size_t)snprintf(out, size, "%s", text) < size;
}

bool text_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_is_utf8(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t n = utf8_length((const unsigned char *)text + at, length - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
