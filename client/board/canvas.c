/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/board/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Decodes a character and moves *text past it. Invalid bytes, and what this locale cannot show,
 * become '?'. */
static wchar_t next_character(const struct canvas *canvas, const char **text, const char *end)
{
	unsigned char first = (unsigned char)*(*text)++;
	int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	wchar_t code = first & (0x3f >> more);

	if (first < 0xc0)
		return first < 0x80 ? first : L'?';
	while (*text < end && ((unsigned char)**text & 0xc0) == 0x80) {
		code = code << 6 | ((unsigned char)*(*text)++ & 0x3f);
		more--;
	}
	return more == 0 && canvas->utf8 ? code : L'?';
}

static int width_of(const struct canvas *canvas, wchar_t *code)
{
	int width = canvas->utf8 ? wcwidth(*code) : 1;

	if (*code >= ' ' && *code != 0x7f && width >= 0)
		return width;
	*code = L'?';
	return 1;
}

static int columns_of(const struct canvas *canvas, const char *text, size_t length)
{
	const char *end = text + length;
	int columns = 0;

	while (text < end) {
		wchar_t code = next_character(canvas, &text, end);

		columns += width_of(canvas, &code);
	}
	return columns;
}

int canvas_columns(const struct canvas *canvas, const char *text)
{
	return columns_of(canvas, text, strlen(text));
}

int canvas_resize(struct canvas *canvas, int width, int height)
{
	canvas_done(canvas);
	width = width > CANVAS_COLUMNS_MAX ? CANVAS_COLUMNS_MAX : width < 1 ? 1 : width;
	height = height > CANVAS_ROWS_MAX ? CANVAS_ROWS_MAX : height < 1 ? 1 : height;
	canvas->cells = calloc((size_t)width * (size_t)height, sizeof(*canvas->cells));
	if (!canvas->cells)
		return -ENOMEM;
	canvas->width = width;
	canvas->height = height;
	canvas_clear(canvas);
	return 0;
}

void canvas_done(struct canvas *canvas)
{
	free(canvas->cells);
	canvas->cells = NULL;
	canvas->width = canvas->height = 0;
}

void canvas_clear(struct canvas *canvas)
{
	for (int row = 0; row < canvas->height; row++)
		canvas_fill(canvas, row, 0, canvas->width, L' ', STYLE_PLAIN);
}

struct cell *canvas_cell(const struct canvas *canvas, int row, int column)
{
	return &canvas->cells[row * canvas->width + column];
}

static void set(struct canvas *canvas, int row, int column, wchar_t code, int style)
{
	if (row >= 0 && row < canvas->height && column >= 0 && column < canvas->width)
		*canvas_cell(canvas, row, column) = (struct cell){code, style};
}

void canvas_fill(struct canvas *canvas, int row, int column, int columns, wchar_t code, int style)
{
	for (int i = 0; i < columns; i++)
		set(canvas, row, column + i, code, style);
}

/* Writes `length` bytes; see canvas_put(). */
static int put(struct canvas *canvas, int row, int column, int columns, int style, const char *text,
	size_t length)
{
	const char *end = text + length;
	int needed = columns_of(canvas, text, length), used = 0;

	if (column + columns > canvas->width)
		columns = canvas->width - column;
	while (text < end && columns > 0) {
		wchar_t code = next_character(canvas, &text, end);
		int width = width_of(canvas, &code);

		if (width == 0)
			continue;
		/* The last column is for the sign, if not all fits. */
		if (used + width > columns - (needed > columns)) {
			set(canvas, row, column + used, canvas->utf8 ? L'…' : L'~', style);
			break;
		}
		set(canvas, row, column + used, code, style);
		if (width == 2)
			set(canvas, row, column + used + 1, 0, style);
		used += width;
	}
	return needed;
}

int canvas_put(struct canvas *canvas, int row, int column, int columns, int style, const char *text)
{
	return put(canvas, row, column, columns, style, text, strlen(text));
}

/* The bytes of the words at `text` that fit in a line: at least one word. */
static size_t line_length(const struct canvas *canvas, const char *text, int columns)
{
	size_t length = strcspn(text, " ");

	while (text[length]) {
		size_t next = length + 1 + strcspn(text + length + 1, " ");

		if (columns_of(canvas, text, next) > columns)
			break;
		length = next;
	}
	return length;
}

int canvas_wrap(struct canvas *canvas, int row, int column, int columns, int rows, int style,
	const char *text)
{
	int lines = 0;

	while (*text) {
		size_t length = line_length(canvas, text, columns);

		/* The rest, so that the sign shows that it is cut. */
		if (lines + 1 == rows)
			put(canvas, row + lines, column, columns, style, text, strlen(text));
		else if (lines < rows)
			put(canvas, row + lines, column, columns, style, text, length);
		text += length;
		text += strspn(text, " ");
		lines++;
	}
	return lines;
}
