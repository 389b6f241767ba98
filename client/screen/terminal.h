/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A terminal that shows one canvas at a time, in plain ANSI sequences, and gives its keys. It is as
 * it was before on every end of the program but SIGKILL. It never waits for a slow terminal. */
#pragma once

#include <poll.h>

#include "client/board/canvas.h"

#define TERMINAL_POLLS_MAX 4

enum key {
	KEY_NONE,
	/* Up to 0xff: the byte. */
	KEY_UP = 0x100,
	KEY_DOWN,
	KEY_RIGHT,
	KEY_LEFT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_ENTER,
	KEY_ESCAPE,
	KEY_BACKSPACE,
};

struct terminal {
	int fd;	   /* where it is written */
	int in;	   /* where the keys are from; -1 = none */
	bool slow; /* `fd` blocks */
	bool color;
	bool redraw; /* nothing of what it shows is known */
	int ended;   /* the signal that ends the program; 0 = none */
	struct canvas shown;
	char *out; /* not written yet */
	size_t out_length, out_done, out_size;
	unsigned char keys[64]; /* not read yet */
	size_t key_count;
};

/* Takes standard output, which is a terminal, and the keys of standard input if it is one too.
 * Only one can be open. */
void terminal_open(struct terminal *terminal, bool color, bool utf8);
/* Restores it. If a signal has ended the program, ends it by that signal. */
void terminal_close(struct terminal *terminal);
void terminal_size(const struct terminal *terminal, int *ret_width, int *ret_height);
/* Whether it has written all and can show the next canvas. */
bool terminal_ready(const struct terminal *terminal);
/* Shows the canvas: writes the cells that differ. Returns 0 or -ENOMEM. */
int terminal_show(struct terminal *terminal, const struct canvas *canvas);
/* Waits for keys, one of the descriptors, a signal or the time; writes meanwhile. Returns false if
 * the time is over and nothing happened. */
bool terminal_wait(struct terminal *terminal, struct pollfd *polls, size_t count, int timeout_ms);
/* The next key; KEY_NONE = none is pressed. */
int terminal_key(struct terminal *terminal);
