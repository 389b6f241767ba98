/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds many fixed texts in one pass over a line: a table by four bytes shows where one of them may
 * begin. It does not interpret the texts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MATCHER_SLOT_BITS 14 /* few texts share a slot, and few other bytes hit one */
#define MATCHER_TEXTS_MAX 1024
#define MATCHER_TEXT_MIN 4 /* bytes */

struct matcher {
	struct {
		const char *text;
		uint32_t head, tail; /* its first and last four bytes */
		uint16_t length;
		uint16_t next; /* the next text in the same slot, plus 1 */
	} texts[MATCHER_TEXTS_MAX];
	size_t count;
	uint16_t first[1 << MATCHER_SLOT_BITS]; /* by the head: the first text, plus 1 */
};

/* A text was found: its number and where it begins. */
typedef void matcher_found(void *user, size_t text, size_t at);

/* Builds a matcher of the texts that `text_of` returns for 0 and the following numbers, until NULL:
 * at most MATCHER_TEXTS_MAX, each of MATCHER_TEXT_MIN bytes or more, which must live as long as the
 * matcher. */
typedef const char *matcher_text(size_t number);
void matcher_build(struct matcher *matcher, matcher_text *text_of);
/* Calls `found` for each occurrence of a text in the line, from left to right. */
void matcher_run(const struct matcher *matcher, const char *line, size_t length,
	matcher_found *found, void *user);
