/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

#define WORD_BYTES sizeof(uint64_t)
#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))
#define ESCAPE '\x1b'

/* Marks the zero bytes of an ASCII word by their high bits; exact, because ASCII bytes have no high
 * bit. */
static uint64_t zero_bytes(uint64_t word)
{
	return ~(word + EVERY(0x7f)) & EVERY(0x80);
}

/* Copies plain ASCII, tabs as spaces, eight bytes at a time: nearly all lines consist of it.
 * Returns false for other bytes. */
static bool copy_plain(const char *bytes, size_t length, char *out)
{
	size_t at = 0;
	uint64_t odd = 0;

	for (; at + WORD_BYTES <= length; at += WORD_BYTES) {
		uint64_t word;

		memcpy(&word, bytes + at, WORD_BYTES);
		odd |= word & EVERY(0x80);
		word ^= (zero_bytes(word ^ EVERY('\t')) >> 7) * ('\t' ^ ' ');
		/* Below a space the sum has no high bit; DEL is the only byte for which adding 1
		 * sets it. */
		odd |= ~(word + EVERY(0x80 - ' ')) & EVERY(0x80);
		odd |= (word + EVERY(1)) & EVERY(0x80);
		memcpy(out + at, &word, WORD_BYTES);
		if (odd)
			return false;
	}
	for (; at < length; at++) {
		char c = bytes[at] == '\t' ? ' ' : bytes[at];

		if (c < ' ' || c > '~')
			return false;
		out[at] = c;
	}
	out[length] = '\0';
	return true;
}

/* The length of a terminal's escape sequence (ECMA-48) at the start of the text. */
static size_t escape_length(const char *text, size_t length)
{
	size_t at = 2;

	if (length < 2 || text[1] != '[')
		return length < 2 ? length : 2;
	while (at < length && text[at] >= 0x20 && text[at] < 0x40)
		at++;
	return at < length ? at + 1 : at;
}

static size_t drop_escapes(const char *bytes, size_t length, char *out)
{
	size_t written = 0;

	for (size_t at = 0; at < length;) {
		if (bytes[at] == ESCAPE)
			at += escape_length(bytes + at, length - at);
		else
			out[written++] = bytes[at++];
	}
	return written;
}

/* Some countries' programs write times in Arabic-Indic digits, from U+0660 or U+06F0: converts them
 * to ASCII digits in place. Returns the new length. */
static size_t take_digits(char *text, size_t length)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t written = 0;

	for (size_t at = 0; at < length; at++) {
		if (c[at] == 0xd9 && c[at + 1] >= 0xa0 && c[at + 1] <= 0xa9)
			text[written++] = (char)('0' + c[++at] - 0xa0);
		else if (c[at] == 0xdb && c[at + 1] >= 0xb0 && c[at + 1] <= 0xb9)
			text[written++] = (char)('0' + c[++at] - 0xb0);
		else
			text[written++] = text[at];
	}
	text[written] = '\0';
	return written;
}

size_t toollog_clean(const char *bytes, size_t length, char out[static EVENT_TEXT_MAX + 1])
{
	char plain[EVENT_TEXT_MAX];

	if (length > EVENT_TEXT_MAX)
		length = EVENT_TEXT_MAX;
	if (copy_plain(bytes, length, out))
		return length;
	length = drop_escapes(bytes, length, plain);
	return take_digits(out, text_clean(plain, length, out, EVENT_TEXT_MAX + 1));
}

void toollog_unescape(char *text)
{
	static const struct {
		const char *escape;
		char character;
	} escapes[] = {{"&gt;", '>'}, {"&lt;", '<'}, {"&quot;", '"'}, {"&amp;", '&'},
		{"&nbsp;", ' '}, {"&#39;", '\''}, {"&#34;", '"'}};
	char *out = text;

	while (*text) {
		size_t used = 0;

		for (size_t i = 0; *text == '&' && i < ARRAY_SIZE(escapes) && !used; i++) {
			if (!text_starts_with(text, escapes[i].escape))
				continue;
			used = strlen(escapes[i].escape);
			*out++ = escapes[i].character;
		}
		if (!used)
			*out++ = *text;
		text += used ? used : 1;
	}
	*out = '\0';
}
