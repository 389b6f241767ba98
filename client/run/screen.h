/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standard output while a tool runs: shows the tool's own bytes, and below them one live line on a
 * terminal. Never blocks: what cannot be written now is written later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCREEN_LINE_BYTES 512

struct screen {
	int fd;	      /* for the tool's output, without blocking; owned unless it is 1 */
	int live_fd;  /* for the live line; -1 = none; owned unless it is 2 */
	bool regular; /* a file: it never blocks */
	bool one;     /* both are the same terminal: the live line stands below the output */
	bool shown;   /* the live line is on the terminal */
	bool broken;  /* nobody reads any more */
	int width;    /* columns */
	char line[SCREEN_LINE_BYTES];
};

/* `live`: whether a live line is wanted; there is one only if standard error is a terminal. */
void screen_init(struct screen *screen, bool live);
/* Takes the live line away and closes. */
void screen_done(struct screen *screen);
/* Writes as much of the tool's output as goes without waiting. Returns the bytes written, which may
 * be 0. Everything counts as written once nobody reads. */
size_t screen_write(struct screen *screen, const char *bytes, size_t length);
/* Sets the live line, which is cut to the terminal's width. Empty takes it away. */
void screen_live(struct screen *screen, const char *line);
