/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/screen/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/output/output.h"
#include "client/screen/terminal.h"
#include "common/base/text.h"

static const char help[] =
	"Each tile is a port of this computer, in the order of the ports. Name a port with "
	"`idevicetriage conditions PORT --name NAME`.\n"
	"\n"
	"  arrows   select a port\n"
	"  Enter    show the diagnosis of its phone; q goes back\n"
	"  c        set the cable at this port from now on\n"
	"  n        add a note about the phone\n"
	"  e        correct the restore attempt that the tile shows\n"
	"  r        write the report of the phone to a file\n"
	"  q        quit\n"
	"\n"
	"The bar shows the stages recovery, boot, restore and reboot. A phone is SILENT if the "
	"restore has waited longer than this step may take. MB/s is the rate on USB now, beside "
	"the usual rate of this port. Corrected errors and failed transfers are counted for this "
	"restore. All three need idevicetriage-link.\n"
	"\n"
	"(suspect): transfers fail more often at this port than at the others, or the port is "
	"the first suspect for the phone there.";

static int count_lines(const char *text)
{
	int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Prints our own text line by line; a blank at the start of a line indents it. */
static void print_help(struct layout *layout)
{
	for (const char *line = help; *line; line += strspn(line, "\n") ? 1 : 0) {
		size_t length = strcspn(line, "\n"), blanks = strspn(line, " ");

		if (blanks) {
			layout_tab(layout, 2);
			layout_put(layout, "%.*s", 8, line + blanks);
			layout_tab(layout, 11);
			layout_put(layout, "%.*s", (int)(length - 11), line + 11);
		} else {
			layout_put(layout, "%.*s", (int)length, line);
		}
		layout_line(layout, 0);
		line += length;
	}
}

static void wrap(struct page *page, const struct layout *like, int width)
{
	struct layout layout = *like;
	size_t size;

	free(page->text);
	page->text = NULL;
	layout.out = open_memstream(&page->text, &size);
	if (!layout.out)
		return;
	layout.width = width - 2;
	layout.color = true;
	if (page->diagnosis)
		text_diagnosis(&layout, page->diagnosis, DETAIL_NORMAL);
	else
		print_help(&layout);
	fclose(layout.out);
	page->lines = page->text ? count_lines(page->text) : 0;
}

void page_open(
	struct page *page, struct json_object *diagnosis, const struct layout *like, int width)
{
	page_close(page);
	page->diagnosis = json_object_get(diagnosis);
	wrap(page, like, width);
}

void page_wrap(struct page *page, const struct layout *like, int width)
{
	if (page->text)
		wrap(page, like, width);
}

void page_close(struct page *page)
{
	json_object_put(page->diagnosis);
	free(page->text);
	*page = (struct page){0};
}

bool page_press(struct page *page, int key, int height)
{
	int rows = height - 2;

	page->top += key == KEY_DOWN	    ? 1
		     : key == KEY_UP	    ? -1
		     : key == KEY_PAGE_DOWN ? rows
		     : key == ' '	    ? rows
		     : key == KEY_PAGE_UP   ? -rows
					    : 0;
	return key != 'q' && key != KEY_ESCAPE && key != KEY_ENTER && key != '?';
}

/* The colours that layout_paint() writes. */
static int style_of(const char *code)
{
	static const struct {
		const char *code;
		int style;
	} codes[] = {
		{"\033[1m", STYLE_BOLD},
		{"\033[2m", STYLE_DIM},
		{"\033[1;32m", STYLE_BOLD | STYLE_GREEN},
		{"\033[1;33m", STYLE_BOLD | STYLE_YELLOW},
		{"\033[1;31m", STYLE_BOLD | STYLE_RED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (text_starts_with(code, codes[i].code))
			return codes[i].style;
	return STYLE_PLAIN;
}

/* Draws a line of a text with its colours, which start with *style. Returns the next line. */
static const char *draw_line(struct canvas *canvas, const char *line, int row, int *style)
{
	int column = 1;

	while (*line && *line != '\n') {
		char piece[TILE_LONG_SIZE];
		size_t length = strcspn(line, "\033\n");

		if (length == 0) {
			*style = style_of(line);
			line += strcspn(line, "m");
			line += *line == 'm';
			continue;
		}
		length = length < sizeof(piece) ? length : sizeof(piece) - 1;
		memcpy(piece, line, length);
		piece[length] = '\0';
		column += canvas_put(canvas, row, column, canvas->width - column, *style, piece);
		line += length;
	}
	return *line ? line + 1 : line;
}

void page_draw(struct page *page, struct canvas *canvas, char hint[static TILE_LONG_SIZE])
{
	const char *line = page->text;
	int rows = canvas->height - 1, style = STYLE_PLAIN;

	if (page->top > page->lines - rows)
		page->top = page->lines - rows;
	if (page->top < 0)
		page->top = 0;
	for (int i = 0; *line && i < page->top + rows; i++)
		line = draw_line(canvas, line, i - page->top, &style);
	if (page->lines > rows)
		snprintf(hint, TILE_LONG_SIZE, "lines %d-%d of %d  arrows scroll  q back",
			page->top + 1, page->top + rows, page->lines);
	else
		text_copy(hint, TILE_LONG_SIZE, "q back");
}
