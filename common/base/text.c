/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/text.h"

#include <stdint.h>
#include <string.h>

#include "common/base/macro.h"

/* The length of the valid UTF-8 sequence at `text`, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text, size_t available)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	if (text[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t point;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (i + 1 >= available)
			return 0;
		point = text[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k <= i + 1; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (text[k] & 0x3f);
		}
		if (point < forms[i].least || point > 0x10ffff ||
			(point >= 0xd800 && point < 0xe000))
			return 0;
		return i + 2;
	}
	return 0;
}

/* Whether the character of `n` bytes can control a terminal: C0 and C1 controls, changes of the
 * text direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), which can make a line look
 * different from its text, and Unicode's own line ends (U+2028, U+2029). */
static bool is_control(const unsigned char *c, size_t n)
{
	if (n == 1)
		return *c < 0x20 || *c == 0x7f;
	if (n == 2)
		return c[0] == 0xc2 && c[1] < 0xa0;
	if (n != 3 || c[0] != 0xe2)
		return false;
	if (c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

size_t text_control(const char *text, size_t length)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t n = length > 0 ? utf8_length(c, length) : 0;

	return n > 0 && is_control(c, n) ? n : 0;
}

size_t text_clean(const char *text, size_t length, char *out, size_t size)
{
	size_t written = 0, at = 0;

	if (size == 0)
		return 0;
	while (at < length) {
		const unsigned char *c = (const unsigned char *)text + at;
		size_t n = utf8_length(c, length - at);

		if (written + (n ? n : 1) >= size)
			break;
		if (n == 0 || is_control(c, n))
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
	size_t length = strlen(text);
	bool fits = length < size;

	assert(size > 0);
	if (!fits)
		length = size - 1;
	memmove(out, text, length);
	out[length] = '\0';
	return fits;
}

/* Skips whole words of ASCII: nearly all text is. Returns the bytes skipped. */
static size_t skip_ascii(const char *text, size_t length)
{
	size_t at = 0;
	uint64_t word;

	for (; at + sizeof(word) <= length; at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

bool text_is_utf8(const char *text, size_t length)
{
	for (size_t at = skip_ascii(text, length); at < length;) {
		size_t n = utf8_length((const unsigned char *)text + at, length - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

#define WORD_MAX 32	       /* bytes of a word to compare; a longer word matches nothing */
#define LETTERS_OF_A_MISTAKE 3 /* one typo is allowed per this many letters */
#define LETTERS_OF_A_WORD 4    /* minimum length of an abbreviated word */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The number of letters to change, insert, delete or swap with their neighbour: the
 * Damerau-Levenshtein distance in its restricted form. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= a_length; i++)
		for (size_t j = 0; j <= b_length; j++) {
			size_t *cell = &rows[i][j];

			if (!i || !j) {
				*cell = i + j;
				continue;
			}
			*cell = rows[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			*cell = least(*cell, least(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				*cell = least(*cell, rows[i - 2][j - 2] + 1);
		}
	return rows[a_length][b_length];
}

static bool same_letters(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool text_is_nearer(const char *text, const char *word, size_t *best)
{
	size_t length = strnlen(text, WORD_MAX + 1), word_length = strnlen(word, WORD_MAX + 1);
	size_t found;

	if (length > WORD_MAX || word_length > WORD_MAX)
		return false;
	found = distance(text, length, word, word_length);
	if (found > length / LETTERS_OF_A_MISTAKE &&
		(length < LETTERS_OF_A_WORD || length > word_length ||
			(!same_letters(text, word, length) &&
				!same_letters(text, word + word_length - length, length))))
		return false;
	if (found >= *best)
		return false;
	*best = found;
	return true;
}

size_t text_shell_word(const char *word, char *out)
{
	bool plain = word[0] && !word[strcspn(word, " \t\n\"'\\$`*?[]<>|&;(){}#~!")];
	size_t length = 0;

#define PUT(c)                                                                                     \
	do {                                                                                       \
		if (out)                                                                           \
			out[length] = (c);                                                         \
		length++;                                                                          \
	} while (0)
	if (!plain)
		PUT('\'');
	for (; *word; word++) {
		if (*word == '\'') {
			PUT('\'');
			PUT('\\');
			PUT('\'');
		}
		PUT(*word);
	}
	if (!plain)
		PUT('\'');
#undef PUT
	return length;
}

char *text_next_shell_word(char **line)
{
	char *from = *line + strspn(*line, " "), *word = from, *to = from;
	bool quoted = false;

	if (!*from)
		return NULL;
	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '\'')
			quoted = !quoted;
		else if (*from == '\\' && !quoted && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	*to = '\0';
	return word;
}
