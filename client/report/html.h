/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTML that foreign text cannot break: elements open and close in pairs, and every text and
 * attribute is escaped. It does not depend on the page's subject. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/macro.h"

#define HTML_DEPTH_MAX 32

/* Initialise with {.out = …}; check `failed` and ferror(out) at the end. Names of elements and
 * attributes are string constants. */
struct html {
	FILE *out;
	bool reveal; /* do not mask identifiers in foreign text */
	bool failed; /* out of memory: some text is missing */
	bool in_tag; /* the start tag is open for attributes */
	const char *open[HTML_DEPTH_MAX];
	size_t depth;
};

/* Writes our own markup unchanged: the document type, the style sheet. */
void html_markup(struct html *html, const char *markup);
/* Opens an element. `class` may be NULL. */
void html_begin(struct html *html, const char *element, const char *class);
/* Sets an attribute of the element opened last. */
void html_set(struct html *html, const char *attribute, const char *value);
void html_set_format(struct html *html, const char *attribute, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Closes the element opened last. */
void html_end(struct html *html);
/* An element without content, such as meta; attributes follow it. */
void html_void(struct html *html, const char *element);

/* Writes our own text. */
void html_put(struct html *html, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes foreign text: clean, masked unless `reveal`, and without characters that change the text
 * direction; truncated to HTML_FOREIGN_BYTES with an ellipsis. NULL writes nothing. */
void html_foreign(struct html *html, const char *text);
#define HTML_FOREIGN_BYTES 1024
/* The two functions above, in an element of their own. */
void html_put_in(struct html *html, const char *element, const char *class, const char *format, ...)
	PRINTF_LIKE(4, 5);
void html_foreign_in(struct html *html, const char *element, const char *class, const char *text);
/* A row of a list of facts (dl) with a foreign value; nothing if that is NULL or empty. */
void html_fact(struct html *html, const char *name, const char *value);
