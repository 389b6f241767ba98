/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws the tiles of a board into a canvas of any size. It has no state but the selection. */
#pragma once

#include "client/board/board.h"
#include "client/board/canvas.h"

/* How the tiles stand: row by row. */
struct tiles_shape {
	int columns;
	int tile_width, tile_height;
	int rows;   /* of tiles that fit; the others need scrolling */
	int in_all; /* rows that all tiles need */
};

struct tiles_view {
	char port[32]; /* the selected tile; a port keeps its selection while others come and go */
	size_t selected;
	int top; /* the first row that is shown */
};

enum tiles_step { TILES_LEFT, TILES_RIGHT, TILES_UP, TILES_DOWN };

/* The shape for `count` tiles on a canvas of this size, less the lines at the bottom. */
struct tiles_shape tiles_shape(size_t count, int width, int height);
/* Moves the selection. */
void tiles_move(const struct board *board, struct tiles_view *view, const struct canvas *canvas,
	enum tiles_step step);
/* The selected tile; NULL = there is none. */
const struct tile *tiles_selected(const struct board *board, struct tiles_view *view);
/* Draws the tiles and the line on the bench. The last line of the canvas is the caller's. */
void tiles_draw(const struct board *board, struct tiles_view *view, struct canvas *canvas);
