/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounded text and UTF-8 cleaning. Does not interpret the text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies `length` bytes of foreign text as clean UTF-8 into `out` (at most `size` bytes with the
 * NUL): each invalid byte, NUL and control character becomes '?', including Unicode controls of
 * text direction and line ends; a tab becomes a space. Truncates at a character boundary. Returns
 * the bytes written without the NUL. */
size_t text_clean(const char *text, size_t length, char *out, size_t size);
/* The bytes of the character at `text` if text_clean() would replace it as a control, else 0. */
size_t text_control(const char *text, size_t length);
/* Copies a C string, truncated to `size`. Returns false if it was truncated. */
bool text_copy(char *out, size_t size, const char *text);
static inline bool text_equal(const char *a, const char *b)
{
	return *a == *b && strcmp(a, b) == 0;
}
static inline bool text_starts_with(const char *text, const char *prefix)
{
	return !*prefix || (*text == *prefix && strncmp(text, prefix, strlen(prefix)) == 0);
}
/* True if `text` is valid UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *text, size_t length);

#define TEXT_FAR ((size_t)-1)

/* Whether `word` is similar to `text`, which may have a typo, and more similar than *best; then
 * sets *best. Start with TEXT_FAR. Similar means: in upper or lower case, a few letters wrong,
 * missing, added or swapped, or a word that begins or ends with `text`. */
bool text_is_nearer(const char *text, const char *word, size_t *best);

/* Writes a word as a shell reads it, quoted if needed, without a NUL. Returns its bytes; with
 * `out` NULL it only counts them. */
size_t text_shell_word(const char *word, char *out);
/* Reads the next word of a line of such words, in place, and moves *line behind it. Returns NULL at
 * the end of the line. */
char *text_next_shell_word(char **line);
