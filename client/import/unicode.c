/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/import/unicode.h"

#include <string.h>

#include "common/base/macro.h"

#define REPLACEMENT 0xfffd

size_t unicode_begin(struct unicode *unicode, const char *head, size_t length)
{
	static const struct {
		const char *mark;
		size_t length;
		bool wide, big;
	} marks[] = {
		{"\xef\xbb\xbf", 3, false, false},
		{"\xff\xfe", 2, true, false},
		{"\xfe\xff", 2, true, true},
	};

	*unicode = (struct unicode){0};
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (length < marks[i].length || memcmp(head, marks[i].mark, marks[i].length) != 0)
			continue;
		unicode->wide = marks[i].wide;
		unicode->big = marks[i].big;
		return marks[i].length;
	}
	return 0;
}

static size_t put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static size_t take_unit(struct unicode *unicode, uint16_t unit, char *out)
{
	bool low = (unit & 0xfc00) == 0xdc00;
	uint16_t high = unicode->high;
	size_t written = 0;

	unicode->high = 0;
	if (high && low)
		return put(0x10000 + ((uint32_t)(high & 0x3ff) << 10) + (unit & 0x3ff), out);
	if (high)
		written = put(REPLACEMENT, out);
	if ((unit & 0xfc00) == 0xd800)
		unicode->high = unit;
	else
		written += put(low ? REPLACEMENT : unit, out + written);
	return written;
}

size_t unicode_convert(struct unicode *unicode, const char *bytes, size_t length, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)bytes[i];

		unicode->odd = !unicode->odd;
		if (unicode->odd) {
			unicode->first = byte;
			continue;
		}
		written += take_unit(unicode,
			unicode->big ? (uint16_t)(unicode->first << 8 | byte)
				     : (uint16_t)(byte << 8 | unicode->first),
			out + written);
	}
	return written;
}
