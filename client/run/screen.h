/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The screen while a tool runs: displays the tool's own bytes and, on a terminal, one live
 * line below them. It never blocks: output that cannot be written now is written later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCREEN_LINE_BYTES 512

struct screen {
	int fd;	      /* for the tool's output, non-blocking; owned unless it is 1 or 2 */
	int live_fd;  /* for the live line; -1 = none; owned unless it is 2 */
	bool regular; /* a file: it never blocks */
	bool one;     /* both are the same terminal: the live line is below the output */
	bool shown;   /* the live line is visible */
	bool broken;  /* the reader is gone */
	int width;    /* columns */
	char line[SCREEN_LINE_BYTES];
};

/* The tool's output goes to `out`, which is 1 or 2. `live`: show a live line if standard error is a
 * terminal. */
void screen_init(struct screen *screen, int out, bool live);
/* Removes the live line and closes the descriptors. */
void screen_done(struct screen *screen);
/* Writes as much of the tool's output as possible without blocking. Returns the bytes written,
 * which may be 0. If the reader is gone, everything counts as written. */
size_t screen_write(struct screen *screen, const char *bytes, size_t length);
/* Sets the live line, truncated to the terminal's width. An empty line removes it. */
void screen_live(struct screen *screen, const char *line);
