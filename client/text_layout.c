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

int page_terminal_width(int fd)
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

void page_init(struct page *page, FILE *out, int color, bool reveal)
{
	int fd = fileno(out);

	*page = (struct page){
		.out = out,
		.terminal = isatty(fd) == 1,
		.utf8 = text_equal(nl_langinfo(CODESET), "UTF-8"),
		.reveal = reveal,
		.width = page_terminal_width(fd),
	};
	page->color = color < 0 ? color_wanted(page->terminal) : color > 0;
}

/* The columns of the `length` bytes at `text`; bytes that are no character count one each. */
static int columns_of(const struct page *page, const char *text, size_t length)
{
	mbstate_t state = {0};
	int columns = 0;

	if (!page->utf8)
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

int page_columns(const struct page *page, const char *text)
{
	return columns_of(page, text, strlen(text));
}

size_t page_fitting(const struct page *page, const char *text, int columns)
{
	size_t length = strlen(text);

	while (length > 0 && columns_of(page, text, length) > columns) {
		length--;
		while (page->utf8 && length > 0 && (text[length] & 0xc0) == 0x80)
			length--;
	}
	return length;
}

static void pad(struct page *page, int column)
{
	while (page->column < column) {
		fputc(' ', page->out);
		page->column++;
	}
}

/* Writes the word that is complete now. */
static void end_word(struct page *page)
{
	bool gap = page->gap && page->column > page->indent;

	if (page->word_length == 0)
		return;
	if (page->column > page->indent && page->column + gap + page->word_columns > page->width) {
		fputc('\n', page->out);
		page->column = 0;
		gap = false;
	}
	pad(page, page->indent);
	if (gap)
		pad(page, page->column + 1);
	fwrite(page->word, 1, page->word_length, page->out);
	page->column += page->word_columns;
	page->word_length = 0;
	page->word_columns = 0;
	page->gap = false;
}

static void add_to_word(struct page *page, const char *bytes, size_t length, int columns)
{
	while (length > 0) {
		size_t room = sizeof(page->word) - page->word_length;
		size_t n = length < room ? length : room;

		memcpy(page->word + page->word_length, bytes, n);
		page->word_length += n;
		bytes += n;
		length -= n;
		if (page->word_length == sizeof(page->word)) {
			page->word_columns += columns;
			columns = 0;
			end_word(page);
		}
	}
	page->word_columns += columns;
}

static void put_text(struct page *page, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, " \n");

		add_to_word(page, text, length, columns_of(page, text, length));
		text += length;
		if (*text) {
			end_word(page);
			page->gap = true;
			text += strspn(text, " \n");
		}
	}
}

void page_put(struct page *page, const char *format, ...)
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
		put_text(page, text);
}

void page_foreign(struct page *page, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	CLEANUP(freep) char *clean = malloc(length + 1), *masked = NULL;

	if (!clean)
		return;
	text_clean(text ? text : "", length, clean, length + 1);
	masked = page->reveal ? NULL : mask_identifiers(clean, page->utf8);
	put_text(page, masked ? masked : clean);
}

void page_paint(struct page *page, enum paint paint)
{
	/* Basic colours alone: they follow the reader's own palette, dark or light. */
	static const char *const codes[PAINT_COUNT] = {
		[PAINT_NONE] = "\033[0m",
		[PAINT_BOLD] = "\033[1m",
		[PAINT_DIM] = "\033[2m",
		[PAINT_GOOD] = "\033[1;32m",
		[PAINT_WARNING] = "\033[1;33m",
		[PAINT_BAD] = "\033[1;31m",
	};

	if (page->color)
		add_to_word(page, codes[paint], strlen(codes[paint]), 0);
}

void page_line(struct page *page, int indent)
{
	end_word(page);
	fputc('\n', page->out);
	page->column = 0;
	page->indent = indent;
	page->gap = false;
}

void page_tab(struct page *page, int column)
{
	end_word(page);
	if (page->column > page->indent && page->column >= column)
		pad(page, page->column + 1);
	page->gap = false;
	pad(page, column);
	page->indent = page->column;
}

const char *page_sign(const struct page *page, const char *fancy, const char *plain)
{
	return page->utf8 ? fancy : plain;
}
