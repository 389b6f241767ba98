/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for people: wraps words at the width of the terminal, adds colour if wanted, and cleans and
 * masks foreign text. It does not interpret the text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/macro.h"
#include "common/model/host_id.h"

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
	bool terminal; /* `out` is a terminal */
	bool color;
	bool utf8;		      /* the locale can show more than ASCII */
	bool reveal;		      /* do not mask identifiers */
	int width;		      /* columns */
	int column;		      /* column of the next character, from 0 */
	int indent;		      /* start column of wrapped lines */
	bool gap;		      /* a space is pending before the word */
	char word[LAYOUT_WORD_BYTES]; /* not written yet: it may continue, and wraps as a whole */
	size_t word_length;	      /* bytes, including colour */
	int word_columns;
	char day[16];		 /* of the times shown last */
	char here[HOST_ID_SIZE]; /* id of this computer; empty = unknown */
};

/* Reads the type of `out`, the locale, COLUMNS and NO_COLOR. `color`: -1 decides automatically,
 * else 0 or 1. */
void layout_init(struct layout *layout, FILE *out, int color, bool reveal);
/* The width of the terminal on `fd`, else $COLUMNS, else 80; at least 20. */
int layout_terminal_width(int fd);

/* Writes our own text, wrapped. Multiple spaces become one; a newline counts as a space. A word may
 * be written in parts and colours: only a space ends it. */
void layout_put(struct layout *layout, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes foreign text: clean, masked unless `reveal`, wrapped. NULL writes nothing. */
void layout_foreign(struct layout *layout, const char *text);
/* Sets the colour of the following text; PAINT_NONE resets it. */
void layout_paint(struct layout *layout, enum paint paint);
/* Ends the line; the next lines start and wrap at `indent`. */
void layout_line(struct layout *layout, int indent);
/* Moves to `column`, by at least one space; the following text wraps there. */
void layout_tab(struct layout *layout, int column);
/* The bytes of `text` that fit into `columns`, without partial characters. */
size_t layout_fitting(const struct layout *layout, const char *text, int columns);
/* The width of `text` in columns, in this locale. */
int layout_columns(const struct layout *layout, const char *text);
/* `fancy` if the locale can show it, else `plain`. */
const char *layout_sign(const struct layout *layout, const char *fancy, const char *plain);
