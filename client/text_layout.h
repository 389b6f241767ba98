/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for eyes: wraps words at the width of the terminal, paints where colour is wanted, and
 * cleans and masks what comes from outside. Does not know what the text is about. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/macro.h"

#define LAYOUT_WORD_BYTES 512

enum paint {
	PAINT_NONE,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_GOOD,
	PAINT_WARNING,
	PAINT_BAD,
	PAINT_COUNT,
};

struct layout {
	FILE *out;
	bool terminal; /* `out` is one */
	bool color;
	bool utf8;		      /* the locale can show more than ASCII */
	bool reveal;		      /* do not mask identifiers */
	int width;		      /* columns */
	int column;		      /* where the next character goes, from 0 */
	int indent;		      /* where wrapped lines begin */
	bool gap;		      /* a space is owed before the word */
	char word[LAYOUT_WORD_BYTES]; /* not written yet: it may go on, and then wraps as a whole */
	size_t word_length;	      /* bytes, with colour */
	int word_columns;
	char day[16]; /* that the times shown last belong to */
};

/* Looks at `out`, the locale, COLUMNS and NO_COLOR. `color`: -1 decides by itself, else 0 or 1. */
void layout_init(struct layout *layout, FILE *out, int color, bool reveal);
/* The width of the terminal behind `fd`, else $COLUMNS, else 80; at least 20. */
int layout_terminal_width(int fd);

/* Writes words of our own, wrapped. Spaces between words are kept to one; a newline in the text is
 * taken as a space. A word may be written in pieces and colours: only spaces end it. */
void layout_put(struct layout *layout, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes foreign text: clean, masked unless `reveal`, wrapped. NULL is no text. */
void layout_foreign(struct layout *layout, const char *text);
/* From here on in this colour; PAINT_NONE ends it. */
void layout_paint(struct layout *layout, enum paint paint);
/* Ends the line; lines begin and wrap at `indent` from here on. */
void layout_line(struct layout *layout, int indent);
/* Moves on to `column`, by at least one space, and wraps there from here on. */
void layout_tab(struct layout *layout, int column);
/* The bytes of `text` that fit into `columns`, whole characters only. */
size_t layout_fitting(const struct layout *layout, const char *text, int columns);
/* The columns that `text` takes in this locale. */
int layout_columns(const struct layout *layout, const char *text);
/* `fancy` where the locale can show it, else `plain`. */
const char *layout_sign(const struct layout *layout, const char *fancy, const char *plain);
