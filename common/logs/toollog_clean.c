/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

#define WORD_BYTES sizeof(uint64_t)
#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS EVERY(0x80)
#define ESCAPE '\x1b'

static uint64_t word_at(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Marks the bytes of an ASCII word that are at least `c` by their high bits, without a carry. */
static uint64_t at_least(uint64_t word, char c)
{
	return word + EVERY((unsigned)(0x80 - c));
}

static uint64_t equal(uint64_t word, char c)
{
	return ~at_least(word ^ EVERY((unsigned)c), 1);
}

/* Copies the words of plain ASCII at the start of the text. Returns their bytes. */
static size_t copy_words(const char *bytes, size_t length, char *out)
{
	size_t at = 0;

	for (; at + WORD_BYTES <= length; at += WORD_BYTES) {
		uint64_t word = word_at(bytes + at);

		/* Not of ASCII, below a space, or DEL. */
		if ((word | ~at_least(word, ' ') | at_least(word, '\x7f')) & HIGH_BITS)
			break;
		memcpy(out + at, &word, WORD_BYTES);
	}
	return at;
}

/* Copies plain ASCII, tabs as spaces: nearly all lines consist of it. Returns false for other
 * bytes. */
static bool copy_plain(const char *bytes, size_t length, char *out)
{
	size_t at = copy_words(bytes, length, out);

	out[length] = '\0';
	while (at < length) {
		out[at] = bytes[at] == '\t' ? ' ' : bytes[at];
		if (out[at] < ' ' || out[at] > '~')
			return false;
		at++;
		at += copy_words(bytes + at, length - at, out + at);
	}
	return true;
}

static bool is_base64_word(uint64_t word)
{
	uint64_t small = word | EVERY(0x20);
	uint64_t letters = at_least(small, 'a') ^ at_least(small, 'z' + 1);
	uint64_t digits = at_least(word, '/') ^ at_least(word, '9' + 1);

	return !((word | ~(letters | digits | equal(word, '+') | equal(word, '='))) & HIGH_BITS);
}

bool toollog_is_base64(const char *text, size_t length)
{
	for (size_t at = 0; at + WORD_BYTES < length; at += WORD_BYTES)
		if (!is_base64_word(word_at(text + at)))
			return false;
	/* It may overlap the one before it. */
	return is_base64_word(word_at(text + length - WORD_BYTES));
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
