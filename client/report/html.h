/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTML that nothing foreign can break out of: elements are opened and closed in pairs, and every
 * text and attribute is escaped on its way out. Does not know what the page is about. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/macro.h"

#define HTML_DEPTH_MAX 32

/* Begin with {.out = …}; see `failed` and ferror(out) at the end. Names of elements and
 * attributes are this program's own and live as long as the page. */
struct html {
	FILE *out;
	bool reveal; /* do not mask identifiers in foreign text */
	bool failed; /* memory ran out: some text is missing */
	bool in_tag; /* a start tag may still take attributes */
	const char *open[HTML_DEPTH_MAX];
	size_t depth;
};

/* Writes markup of our own as it is: the document type, the style sheet. */
void html_markup(struct html *html, const char *markup);
/* Opens an element. `class` may be NULL. */
void html_begin(struct html *html, const char *element, const char *class);
/* Gives the element that was just opened an attribute. */
void html_set(struct html *html, const char *attribute, const char *value);
void html_set_format(struct html *html, const char *attribute, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Closes the element that was opened last. */
void html_end(struct html *html);
/* An element that can have no content, such as meta; attributes follow it. */
void html_void(struct html *html, const char *element);

/* Writes words of our own. */
void html_put(struct html *html, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes foreign text: clean, masked unless `reveal`, and without the characters that turn the
 * direction of what follows. At most HTML_FOREIGN_BYTES of it; then an ellipsis. NULL is
 * nothing. */
void html_foreign(struct html *html, const char *text);
#define HTML_FOREIGN_BYTES 1024
/* The two again, as an element of their own. */
void html_put_in(struct html *html, const char *element, const char *class, const char *format, ...)
	PRINTF_LIKE(4, 5);
void html_foreign_in(struct html *html, const char *element, const char *class, const char *text);
