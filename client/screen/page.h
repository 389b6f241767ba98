/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text in place of the tiles: the help or a diagnosis, wrapped at the width of the screen and
 * scrolled with keys. */
#pragma once

#include <stdbool.h>

#include "client/board/board.h"
#include "client/board/canvas.h"
#include "client/text_layout.h"

struct page {
	char *text;		       /* wrapped, with colours; NULL = not open */
	struct json_object *diagnosis; /* NULL = the help */
	int top, lines;
};

/* Opens it with a reply of Diagnose, or with NULL the help. `like` says how texts are written. Out
 * of memory, it is not open. */
void page_open(
	struct page *page, struct json_object *diagnosis, const struct layout *like, int width);
/* Wraps an open page again, at another width. */
void page_wrap(struct page *page, const struct layout *like, int width);
void page_close(struct page *page);
/* Returns false if the key leaves the page. */
bool page_press(struct page *page, int key, int height);
/* Draws it above the last row. `hint` gets what that row says. */
void page_draw(struct page *page, struct canvas *canvas, char hint[static TILE_LONG_SIZE]);
