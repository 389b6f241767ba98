/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rectangle of character cells: what a screen shows. It knows no terminal, and writes nothing. */
#pragma once

#include <stdbool.h>
#include <wchar.h>

#define CANVAS_COLUMNS_MAX 1000
#define CANVAS_ROWS_MAX 500

/* A colour, with any of the bits. Each stands beside a word or a symbol: a terminal may have two
 * colours. */
enum style {
	STYLE_PLAIN,
	STYLE_RED,
	STYLE_GREEN,
	STYLE_YELLOW,
	STYLE_CYAN,
	STYLE_COLORS,
	STYLE_BOLD = 0x10,
	STYLE_DIM = 0x20,
	STYLE_REVERSE = 0x40,
};

struct cell {
	wchar_t code; /* 0 = the second half of a wide character */
	int style;
};

/* Begin with {0} and `utf8`. */
struct canvas {
	bool utf8; /* the terminal shows more than ASCII */
	int width, height;
	struct cell *cells;
};

/* Makes it this large, within the limits above, and blank. Returns 0, or -ENOMEM with it empty. */
int canvas_resize(struct canvas *canvas, int width, int height);
void canvas_done(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);
/* A cell of a place inside. */
struct cell *canvas_cell(const struct canvas *canvas, int row, int column);
/* Fills a part of a row. */
void canvas_fill(struct canvas *canvas, int row, int column, int columns, wchar_t code, int style);
/* Writes UTF-8 text, cut at `columns` with a sign, and at the edges. Control characters become '?'.
 * Returns the columns that it needs. */
int canvas_put(
	struct canvas *canvas, int row, int column, int columns, int style, const char *text);
/* Writes text in at most `rows` lines of `columns`, which break at blanks. Returns the lines that
 * it needs. With `rows` 0, only counts. */
int canvas_wrap(struct canvas *canvas, int row, int column, int columns, int rows, int style,
	const char *text);
/* The columns that text needs. */
int canvas_columns(const struct canvas *canvas, const char *text);
