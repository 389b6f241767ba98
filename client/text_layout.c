/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/text_layout.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "client/mask.h"
#include "common/base/text.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST 20
#define WIDTH_MOST 1000

int layout_terminal_width(int fd)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = 0;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0 && columns)
		width = strtol(columns, NULL, 10);
	if (width <= 0 || width > WIDTH_MOST)
		width = WIDTH_DEFAULT;
	return width < WIDTH_LEAST ? WIDTH_LEAST : (int)width;
}

static bool color_wanted(bool terminal)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	/* no-color.org: present and not empty. */
	if (no_color && *no_color)
		return false;
	return terminal && term && !text_equal(term, "dumb");
}

void layout_init(struct layout *layout, FILE *out, int color, bool reveal)
{
	int fd = fileno(out);

	*layout = (struct layout){
		.out = out,
		.terminal = isatty(fd) == 1,
		.utf8 = text_equal(nl_langinfo(CODESET), "UTF-8"),
		.reveal = reveal,
		.width = layout_terminal_width(fd),
	};
	layout->color = color < 0 ? color_wanted(layout->terminal) : color > 0;
}

/* The width of the `length` bytes at `text` in columns; invalid bytes count as one each. */
static int columns_of(const struct layout *layout, const char *text, size_t length)
{
	mbstate_t state = {0};
	int columns = 0;

	if (!layout->utf8)
		return (int)length;
	while (length > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, length, &state);
		int width;

		if (n == 0 || n > length) {
			n = 1;
			width = 1;
			memset(&state, 0, sizeof(state));
		} else {
			width = wcwidth(c);
		}
		columns += width < 0 ? 0 : width;
		text += n;
		length -= n;
	}
	return columns;
}

int layout_columns(const struct layout *layout, const char *text)
{
	return columns_of(layout, text, strlen(text));
}

size_t layout_fitting(const struct layout *layout, const char *text, int columns)
{
	size_t length = strlen(text);

	while (length > 0 && columns_of(layout, text, length) > columns) {
		length--;
		while (layout->utf8 && length > 0 && (text[length] & 0xc0) == 0x80)
			length--;
	}
	return length;
}

static void pad(struct layout *layout, int column)
{
	while (layout->column < column) {
		fputc(' ', layout->out);
		layout->column++;
	}
}

/* Writes the completed word. */
static void end_word(struct layout *layout)
{
	bool gap = layout->gap && layout->column > layout->indent;

	if (layout->word_length == 0)
		return;
	if (layout->column > layout->indent &&
		layout->column + gap + layout->word_columns > layout->width) {
		fputc('\n', layout->out);
		layout->column = 0;
		gap = false;
	}
	pad(layout, layout->indent);
	if (gap)
		pad(layout, layout->column + 1);
	fwrite(layout->word, 1, layout->word_length, layout->out);
	layout->column += layout->word_columns;
	layout->word_length = 0;
	layout->word_columns = 0;
	layout->gap = false;
}

static void add_to_word(struct layout *layout, const char *bytes, size_t length, int columns)
{
	while (length > 0) {
		size_t room = sizeof(layout->word) - layout->word_length;
		size_t n = length < room ? length : room;

		memcpy(layout->word + layout->word_length, bytes, n);
		layout->word_length += n;
		bytes += n;
		length -= n;
		if (layout->word_length == sizeof(layout->word)) {
			layout->word_columns += columns;
			columns = 0;
			end_word(layout);
		}
	}
	layout->word_columns += columns;
}

static void put_text(struct layout *layout, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, " \n");

		add_to_word(layout, text, length, columns_of(layout, text, length));
		text += length;
		if (*text) {
			end_word(layout);
			layout->gap = true;
			text += strspn(text, " \n");
		}
	}
}

void layout_put(struct layout *layout, const char *format, ...)
{
	CLEANUP(freep) char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		text = NULL;
	else
		put_text(layout, text);
}

void layout_foreign(struct layout *layout, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	CLEANUP(freep) char *clean = malloc(length + 1), *masked = NULL;

	if (!clean)
		return;
	text_clean(text ? text : "", length, clean, length + 1);
	masked = layout->reveal ? NULL : mask_text(NULL, clean, layout->utf8);
	put_text(layout, masked ? masked : clean);
}

void layout_paint(struct layout *layout, enum paint paint)
{
	/* Only basic colours: they follow the reader's palette, dark or light. */
	static const char *const codes[PAINT_COUNT] = {
		[PAINT_NONE] = "\033[0m",
		[PAINT_BOLD] = "\033[1m",
		[PAINT_DIM] = "\033[2m",
		[PAINT_GOOD] = "\033[1;32m",
		[PAINT_WARNING] = "\033[1;33m",
		[PAINT_BAD] = "\033[1;31m",
	};

	if (layout->color)
		add_to_word(layout, codes[paint], strlen(codes[paint]), 0);
}

void layout_line(struct layout *layout, int indent)
{
	end_word(layout);
	fputc('\n', layout->out);
	layout->column = 0;
	layout->indent = indent;
	layout->gap = false;
}

void layout_tab(struct layout *layout, int column)
{
	end_word(layout);
	if (layout->column > layout->indent && layout->column >= column)
		pad(layout, layout->column + 1);
	layout->gap = false;
	pad(layout, column);
	layout->indent = layout->column;
}

const char *layout_sign(const struct layout *layout, const char *fancy, const char *plain)
{
	return layout->utf8 ? fancy : plain;
}
