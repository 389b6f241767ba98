/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/board/tiles.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/phrase.h"
#include "common/base/text.h"

#define TILE_COLUMNS_MIN 40
#define TILE_COLUMNS_MAX 66 /* a wider title is hard to read across */
#define TILE_LINES_MIN 2    /* its title, and the most important line */
#define TILE_LINES_GOOD 6
#define TILE_LINES_MAX 9
#define BOTTOM_LINES 2
#define EDGE 2 /* columns at the left, which mark the selection */
#define BAR_COLUMNS 8
#define BAR_COLUMNS_WIDE 20
#define WIDE_COLUMNS 46
#define LINES_MAX 8
#define RANK_SPARE 5

static const struct {
	const char *word;
	wchar_t sign;
	char plain_sign;
	int style;
} states[] = {
	[TILE_EMPTY] = {"empty", L'·', '.', STYLE_DIM},
	[TILE_PHONE] = {"PHONE", L'●', 'o', STYLE_REVERSE},
	[TILE_RESTORING] = {"RESTORING", L'▶', '>', STYLE_REVERSE | STYLE_CYAN},
	[TILE_SILENT] = {"SILENT", L'‖', '!', STYLE_REVERSE | STYLE_BOLD | STYLE_RED},
	[TILE_UNWATCHED] = {"NOT WATCHED", L'?', '?', STYLE_REVERSE | STYLE_YELLOW},
	[TILE_FAULT] = {"USBMUXD", L'⚠', '!', STYLE_REVERSE | STYLE_YELLOW},
	[TILE_SUCCEEDED] = {"SUCCEEDED", L'✓', '+', STYLE_REVERSE | STYLE_GREEN},
	[TILE_FAILED] = {"FAILED", L'✗', 'X', STYLE_REVERSE | STYLE_BOLD | STYLE_RED},
	[TILE_ABORTED] = {"ABORTED", L'■', '#', STYLE_REVERSE | STYLE_YELLOW},
	[TILE_LOST] = {"END NOT SEEN", L'?', '?', STYLE_REVERSE | STYLE_YELLOW},
	[TILE_NOT_STARTED] = {"NOT STARTED", L'■', '#', STYLE_REVERSE | STYLE_YELLOW},
	[TILE_UNKNOWN_END] = {"END NOT KNOWN", L'?', '?', STYLE_REVERSE | STYLE_YELLOW},
};

struct tiles_shape tiles_shape(size_t count, int width, int height)
{
	struct tiles_shape shape = {.columns = (width + TILE_COLUMNS_MAX - 1) / TILE_COLUMNS_MAX};
	int columns_max = width / TILE_COLUMNS_MIN, lines = height - BOTTOM_LINES;

	for (;; shape.columns++) {
		shape.in_all = ((int)count + shape.columns - 1) / shape.columns;
		if (shape.columns >= columns_max || shape.in_all * TILE_LINES_GOOD <= lines)
			break;
	}
	shape.tile_width = width / shape.columns;
	shape.tile_height = shape.in_all ? lines / shape.in_all : TILE_LINES_MAX;
	if (shape.tile_height > TILE_LINES_MAX)
		shape.tile_height = TILE_LINES_MAX;
	if (shape.tile_height < TILE_LINES_MIN)
		shape.tile_height = TILE_LINES_MIN;
	shape.rows = lines / shape.tile_height;
	if (shape.rows < 1)
		shape.rows = 1;
	return shape;
}

/* -- The selection -- */

const struct tile *tiles_selected(const struct board *board, struct tiles_view *view)
{
	size_t at = view->selected;

	/* Several tiles may have no port. */
	if (at >= board->count || !text_equal(board->tiles[at].port, view->port))
		for (size_t i = 0; i < board->count; i++)
			if (text_equal(board->tiles[i].port, view->port))
				view->selected = i;
	if (view->selected >= board->count)
		view->selected = board->count ? board->count - 1 : 0;
	if (board->count == 0)
		return NULL;
	text_copy(view->port, sizeof(view->port), board->tiles[view->selected].port);
	return &board->tiles[view->selected];
}

void tiles_move(const struct board *board, struct tiles_view *view, const struct canvas *canvas,
	enum tiles_step step)
{
	struct tiles_shape shape = tiles_shape(board->count, canvas->width, canvas->height);
	const int steps[] = {[TILES_LEFT] = -1,
		[TILES_RIGHT] = 1,
		[TILES_UP] = -shape.columns,
		[TILES_DOWN] = shape.columns};
	int to;

	if (!tiles_selected(board, view))
		return;
	to = (int)view->selected + steps[step];
	if (to < 0 || to >= (int)board->count)
		return;
	view->selected = (size_t)to;
	text_copy(view->port, sizeof(view->port), board->tiles[to].port);
}

/* -- The lines of a tile -- */

/* A line, or a text of several. The least rank stays if there is no room for all. */
struct line {
	int rank;
	int lines_max;
	int style;
	bool bar; /* before the text */
	char text[TILE_LONG_SIZE + 16];
};

struct lines {
	int columns;
	struct line line[LINES_MAX];
	size_t count;
};

static struct line *add_line(struct lines *lines, int rank, int lines_max, int style)
{
	struct line *line = &lines->line[lines->count++];

	*line = (struct line){.rank = rank, .lines_max = lines_max, .style = style};
	return line;
}

static void append(struct line *line, const char *separator, const char *before, const char *text)
{
	size_t length = strlen(line->text);

	snprintf(line->text + length, sizeof(line->text) - length, "%s%s%s", separator, before,
		text);
}

/* Appends to the last line, after a separator, if there is room for the whole. */
static void add(
	struct lines *lines, const struct canvas *canvas, const char *before, const char *text)
{
	struct line *line = &lines->line[lines->count - 1];
	const char *separator = canvas->utf8 ? " · " : ", ";
	int used = canvas_columns(canvas, line->text);

	if (!*text)
		return;
	if (used == 0)
		append(line, "", before, text);
	else if (used + (canvas->utf8 ? 3 : 2) + canvas_columns(canvas, before) +
			 canvas_columns(canvas, text) <=
		 lines->columns)
		append(line, separator, before, text);
}

static bool is_running(const struct tile *tile)
{
	return tile->state == TILE_RESTORING || tile->state == TILE_SILENT ||
	       tile->state == TILE_UNWATCHED;
}

static void add_phone(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	add_line(lines, 3, 1, STYLE_PLAIN);
	add(lines, canvas, "", tile->phone);
	if (tile->gone)
		add(lines, canvas, "", "gone");
	add(lines, canvas, "ticket ", tile->ticket);
	add(lines, canvas, "cable ", tile->cable);
}

static void add_step(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	bool bar = is_running(tile);
	char text[TILE_TEXT_SIZE + 16];

	add_line(lines,
		!bar			     ? RANK_SPARE
		: tile->state == TILE_SILENT ? 2
					     : 0,
		1, STYLE_PLAIN)
		->bar = bar;
	if (tile->permille >= 0)
		snprintf(text, sizeof(text), "%.140s %d %%", tile->step, tile->permille / 10);
	else
		text_copy(text, sizeof(text), *tile->step || !bar ? tile->step : "waiting");
	add(lines, canvas, *text && !bar ? "at " : "", text);
}

/* The silence against its budget. */
static void add_silence(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	bool over = tile->state == TILE_SILENT;
	char text[TILE_TEXT_SIZE];

	add_line(lines, over ? 0 : 1, 1, over ? STYLE_BOLD | STYLE_RED : STYLE_PLAIN);
	if (tile->budget_us > 0)
		snprintf(text, sizeof(text), "%.40s %s %.40s of %.40s", tile->silent_one,
			over ? "SILENT" : "silent", phrase_duration(tile->silent_us).text,
			phrase_duration(tile->budget_us).text);
	else
		snprintf(text, sizeof(text), "responded %.40s ago",
			phrase_duration(tile->silent_us).text);
	add(lines, canvas, "", text);
}

static void add_count(struct lines *lines, const struct canvas *canvas, int64_t count,
	const char *one, const char *several)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRId64 " %s", count, count == 1 ? one : several);
	if (count > 0)
		add(lines, canvas, "", text);
}

/* Errors and the rate on USB. */
static void add_link(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	bool errors = tile->corrected + tile->errors > 0;
	char rate[64] = "", usual[64] = "", text[160];

	add_line(lines, errors ? 3 : 4, 1, errors ? STYLE_BOLD | STYLE_YELLOW : STYLE_PLAIN);
	add_count(lines, canvas, tile->errors, "failed transfer", "failed transfers");
	add_count(lines, canvas, tile->corrected, "corrected", "corrected");
	if (!is_running(tile) && tile->state != TILE_PHONE)
		return;
	if (tile->rate > 0)
		snprintf(rate, sizeof(rate), "%.1f MB/s", tile->rate);
	if (tile->usual > 0)
		snprintf(usual, sizeof(usual), "usual %.1f%s", tile->usual, *rate ? "" : " MB/s");
	snprintf(text, sizeof(text), "%s%s%s", rate, *rate && *usual ? ", " : "", usual);
	add(lines, canvas, "", text);
}

/* The current of the supply as a small graph from 0 on, and the last values. */
static void add_supply(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	const float *amperes = tile->amperes;
	char graph[TILE_AMPERES_MAX * 3 + 1] = "", text[160];
	size_t length = 0;
	float most = 0;

	if (tile->ampere_count == 0)
		return;
	for (size_t i = 0; i < tile->ampere_count; i++)
		most = amperes[i] > most ? amperes[i] : most;
	for (size_t i = 0; canvas->utf8 && most > 0 && i < tile->ampere_count; i++) {
		float part = amperes[i] > 0 ? amperes[i] / most : 0;

		length += (size_t)snprintf(graph + length, sizeof(graph) - length, "%s",
			bars[(size_t)(part * (float)(ARRAY_SIZE(bars) - 1) + 0.5f)]);
	}
	snprintf(text, sizeof(text), "%s%s%.2f A, %.2f V", graph, *graph ? " " : "",
		(double)amperes[tile->ampere_count - 1], tile->volts);
	add_line(lines, 4, 1, STYLE_PLAIN);
	add(lines, canvas, "", text);
}

static void add_verdict(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	add_line(lines, 1, 3, STYLE_BOLD);
	add(lines, canvas, "", tile->verdict);
	add_line(lines, 2, 2, STYLE_PLAIN);
	add(lines, canvas, *tile->next ? "Next: " : "", tile->next);
}

static void collect(const struct tile *tile, const struct canvas *canvas, struct lines *lines)
{
	size_t kept = 0;

	if (is_running(tile))
		add_step(tile, canvas, lines);
	if (tile->silent_us >= 0)
		add_silence(tile, canvas, lines);
	add_verdict(tile, canvas, lines);
	add_phone(tile, canvas, lines);
	add_link(tile, canvas, lines);
	add_supply(tile, canvas, lines);
	if (!is_running(tile) && tile->state != TILE_SUCCEEDED && tile->session[0])
		add_step(tile, canvas, lines);
	for (size_t i = 0; i < lines->count; i++)
		if (lines->line[i].text[0])
			lines->line[kept++] = lines->line[i];
	lines->count = kept;
}

/* The rows that the line needs. */
static int needed_rows(const struct line *line, struct canvas *canvas, int columns)
{
	int rows = line->lines_max == 1
			   ? 1
			   : canvas_wrap(canvas, 0, 0, columns, 0, line->style, line->text);

	return rows < line->lines_max ? rows : line->lines_max;
}

/* Gives the rows that are left to the texts, the first one first. */
static void use_rest(struct lines *lines, struct canvas *canvas, int rest)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct line *line = &lines->line[i];
		int before = needed_rows(line, canvas, lines->columns);

		if (line->lines_max == 1)
			continue;
		line->lines_max += rest;
		rest -= needed_rows(line, canvas, lines->columns) - before;
	}
}

/* Removes the lines for which there is no room, the greatest rank first: a spare line, so that
 * another is not cut. */
static void choose(struct lines *lines, struct canvas *canvas, int room)
{
	for (;;) {
		size_t worst = 0;
		int needed = 0;

		for (size_t i = 0; i < lines->count; i++) {
			needed += needed_rows(&lines->line[i], canvas, lines->columns);
			if (lines->line[i].rank >= lines->line[worst].rank)
				worst = i;
		}
		if (needed <= room ||
			((int)lines->count <= room && lines->line[worst].rank < RANK_SPARE)) {
			use_rest(lines, canvas, needed < room ? room - needed : 0);
			return;
		}
		lines->count--;
		memmove(&lines->line[worst], &lines->line[worst + 1],
			(lines->count - worst) * sizeof(lines->line[0]));
	}
}

/* -- Drawing -- */

static void draw_bar(
	const struct tile *tile, struct canvas *canvas, int row, int column, int columns)
{
	int style = tile->state == TILE_SILENT ? STYLE_RED : STYLE_CYAN;

	for (int i = 0; i < columns; i++) {
		int stage = i * BOARD_STAGES / columns;
		bool passed = stage < tile->stage, current = stage == tile->stage;

		canvas_fill(canvas, row, column + i, 1,
			canvas->utf8 ? (passed		 ? L'█'
					       : current ? L'▒'
							 : L'░')
				     : (passed		 ? L'#'
					       : current ? L'='
							 : L'.'),
			style);
	}
}

static void draw_title(const struct tile *tile, bool selected, struct canvas *canvas, int row,
	int column, int columns)
{
	int style = states[tile->state].style, used, length;
	char word[64], label[2 * TILE_TEXT_SIZE];
	wchar_t sign =
		canvas->utf8 ? states[tile->state].sign : (wchar_t)states[tile->state].plain_sign;

	text_copy(word, sizeof(word), states[tile->state].word);
	if (tile->state == TILE_PHONE && tile->mode[0]) {
		text_copy(word, sizeof(word), tile->mode);
		for (char *c = word; *c; c++)
			*c = (char)toupper((unsigned char)*c);
	}
	length = canvas_columns(canvas, word);
	snprintf(label, sizeof(label), "%s%s", tile->label, tile->suspect ? " (suspect)" : "");
	canvas_fill(canvas, row, column, columns, L' ', style);
	used = canvas_put(canvas, row, column + 1, columns - length - 6, style | STYLE_BOLD, label);
	if (!text_equal(tile->label, tile->port) && used + 2 + length + 6 < columns)
		canvas_put(canvas, row, column + 1 + used + 2, columns - length - 6 - used - 2,
			style, tile->port);
	canvas_fill(canvas, row, column + columns - length - 3, 1, sign, style | STYLE_BOLD);
	canvas_put(canvas, row, column + columns - length - 1, length, style | STYLE_BOLD, word);
	if (selected)
		canvas_fill(canvas, row, column - EDGE, 1, canvas->utf8 ? L'▌' : L'>', STYLE_BOLD);
}

/* Returns the lines that it used. */
static int draw_line(const struct tile *tile, const struct line *line, struct canvas *canvas,
	int row, int column, int columns, int room)
{
	int bar = 0;

	if (line->bar) {
		bar = columns < WIDE_COLUMNS ? BAR_COLUMNS : BAR_COLUMNS_WIDE;
		draw_bar(tile, canvas, row, column, bar);
		bar++;
	}
	if (line->lines_max == 1) {
		canvas_put(canvas, row, column + bar, columns - bar, line->style, line->text);
		return 1;
	}
	room = room > line->lines_max ? line->lines_max : room;
	columns = canvas_wrap(canvas, row, column, columns, room, line->style, line->text);
	return columns < room ? columns : room;
}

static void draw_tile(const struct tile *tile, bool selected, struct canvas *canvas, int row,
	int column, const struct tiles_shape *shape)
{
	int columns = shape->tile_width - EDGE - 1, room = shape->tile_height - 1;
	struct lines lines = {.columns = columns - 1};

	draw_title(tile, selected, canvas, row, column + EDGE, columns);
	for (int i = 1; selected && i <= room; i++)
		canvas_fill(canvas, row + i, column, 1, canvas->utf8 ? L'▌' : L'>', STYLE_BOLD);
	collect(tile, canvas, &lines);
	choose(&lines, canvas, room);
	for (size_t i = 0; i < lines.count; i++) {
		int later = (int)(lines.count - i - 1);
		int used = draw_line(tile, &lines.line[i], canvas, row + 1, column + EDGE + 1,
			columns - 1, room - later);

		row += used;
		room -= used;
	}
}

static void scroll(struct tiles_view *view, const struct tiles_shape *shape)
{
	int row = (int)view->selected / shape->columns, last = shape->in_all - shape->rows;

	if (view->top > row)
		view->top = row;
	if (view->top < row - shape->rows + 1)
		view->top = row - shape->rows + 1;
	if (view->top > last)
		view->top = last > 0 ? last : 0;
}

/* The bench, and which tiles are shown if there are more. */
static void draw_bench(const struct board *board, const struct tiles_view *view,
	const struct tiles_shape *shape, struct canvas *canvas, int row)
{
	char health[TILE_LONG_SIZE], suspects[TILE_LONG_SIZE], text[64] = "";
	bool well = board_health(board, health, suspects);
	int style = well ? STYLE_PLAIN : STYLE_REVERSE | STYLE_BOLD | STYLE_RED, used, column;

	if (shape->in_all > shape->rows)
		snprintf(text, sizeof(text), "rows %d-%d of %d", view->top + 1,
			view->top + shape->rows, shape->in_all);
	column = canvas->width - (int)strlen(text) - 1;
	used = canvas_put(canvas, row, 0, column, style, health);
	if (*suspects && used + 3 < column) {
		used += canvas_put(canvas, row, used, column - used,
			STYLE_REVERSE | STYLE_BOLD | STYLE_YELLOW, "  suspect: ");
		canvas_put(canvas, row, used, column - used,
			STYLE_REVERSE | STYLE_BOLD | STYLE_YELLOW, suspects);
	}
	canvas_put(canvas, row, column, (int)strlen(text), STYLE_DIM, text);
}

void tiles_draw(const struct board *board, struct tiles_view *view, struct canvas *canvas)
{
	struct tiles_shape shape = tiles_shape(board->count, canvas->width, canvas->height);
	const struct tile *selected = tiles_selected(board, view);

	scroll(view, &shape);
	for (size_t i = 0; i < board->count; i++) {
		int row = (int)i / shape.columns - view->top;

		if (row >= 0 && row < shape.rows)
			draw_tile(&board->tiles[i], &board->tiles[i] == selected, canvas,
				row * shape.tile_height, (int)i % shape.columns * shape.tile_width,
				&shape);
	}
	if (board->count == 0)
		canvas_wrap(canvas, 0, 1, canvas->width - 2, canvas->height - BOTTOM_LINES,
			STYLE_PLAIN,
			"No phone is connected. Name the ports once: `idevicetriage conditions "
			"1-2.3 --name 'slot 4'`.");
	draw_bench(board, view, &shape, canvas, canvas->height - BOTTOM_LINES);
}
