/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds many fixed texts in one pass over a line and skips bytes that cannot match (the method of
 * Wu and Manber, 1994). It does not interpret the texts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MATCHER_BLOCKS (1u << 16) /* two bytes */
#define MATCHER_TEXTS_MAX 1024
#define MATCHER_TEXT_MIN 4 /* bytes; the shortest text limits the skip distance */

struct matcher {
	const char *texts[MATCHER_TEXTS_MAX];
	uint16_t lengths[MATCHER_TEXTS_MAX];
	uint16_t next[MATCHER_TEXTS_MAX]; /* the next text with the same block, plus 1 */
	size_t count;
	size_t window; /* bytes of the shortest text: the compared part of each text */
	/* By block: the skip distance when it ends the window; 0 = a text may be here. */
	uint8_t shift[MATCHER_BLOCKS];
	uint16_t first[MATCHER_BLOCKS]; /* the first text whose window ends with it, plus 1 */
};

/* A text was found: its number and where it begins. */
typedef void matcher_found(void *user, size_t text, size_t at);

/* Builds a matcher of the texts that `text_of` returns for 0 and the following numbers, until NULL:
 * at most MATCHER_TEXTS_MAX, each of MATCHER_TEXT_MIN to 255 bytes, which must live as long as the
 * matcher. */
typedef const char *matcher_text(size_t number);
void matcher_build(struct matcher *matcher, matcher_text *text_of);
/* Calls `found` for each occurrence of a text in the line, from left to right. */
void matcher_run(const struct matcher *matcher, const char *line, size_t length,
	matcher_found *found, void *user);
