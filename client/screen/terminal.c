/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/screen/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/raw_mode.h"
#include "common/base/macro.h"
#include "common/base/text.h"

#define PIECE_BYTES 512	   /* see `PIECE_BYTES` of run/screen.c */
#define ESCAPE_WAIT_MS 50  /* the rest of a key follows at once */
#define LAST_WRITE_MS 1000 /* for the sequences that restore the terminal */
#define CELL_BYTES_MAX 48  /* a move, a style and a character */

/* Alternate screen (the Linux console has none, so it is cleared), no cursor, no wrapping at the
 * edge. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[0m\033[2J"
#define LEAVE "\033[0m\033[2J\033[H\033[?7h\033[?25h\033[?1049l"

static const int signals[] = {
	SIGWINCH, SIGTSTP, SIGCONT, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

/* For the handler. */
static volatile sig_atomic_t came[_NSIG];

static void note_signal(int number)
{
	came[number] = 1;
}

static sigset_t our_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	return set;
}

/* They come only while we wait. */
static void catch_signals(void)
{
	struct sigaction noted = {.sa_handler = note_signal};
	sigset_t set = our_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &noted, NULL);
}

/* Writes before or after everything else, for a moment at most. */
static void write_now(const struct terminal *terminal, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		struct pollfd ready = {.fd = terminal->fd, .events = POLLOUT};
		ssize_t n;

		if (poll(&ready, 1, LAST_WRITE_MS) <= 0)
			return;
		n = write(terminal->fd, text, length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		text += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

static void enter(struct terminal *terminal)
{
	raw_mode_begin(STDOUT_FILENO, LEAVE);
	terminal->out_length = terminal->out_done = 0;
	write_now(terminal, ENTER);
	terminal->redraw = true;
}

static void leave(struct terminal *terminal)
{
	write_now(terminal, LEAVE);
	raw_mode_end();
}

void terminal_open(struct terminal *terminal, bool color, bool utf8)
{
	*terminal = (struct terminal){.color = color, .shown = {.utf8 = utf8}, .in = -1};
	if (isatty(STDIN_FILENO))
		terminal->in = STDIN_FILENO;
	/* See reopen() of run/screen.c. */
	terminal->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	terminal->slow = terminal->fd < 0;
	if (terminal->slow)
		terminal->fd = STDOUT_FILENO;
	catch_signals();
	enter(terminal);
}

/* Does what the signal does by default. */
static void deliver(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void terminal_close(struct terminal *terminal)
{
	leave(terminal);
	if (!terminal->slow)
		close(terminal->fd);
	canvas_done(&terminal->shown);
	free(terminal->out);
	terminal->out = NULL;
	if (terminal->ended)
		deliver(terminal->ended);
}

void terminal_size(const struct terminal *terminal, int *ret_width, int *ret_height)
{
	struct winsize size = {0};

	ioctl(terminal->fd, TIOCGWINSZ, &size);
	*ret_width = size.ws_col ? size.ws_col : 80;
	*ret_height = size.ws_row ? size.ws_row : 24;
}

/* -- Frames -- */

bool terminal_ready(const struct terminal *terminal)
{
	return terminal->out_done == terminal->out_length;
}

static int reserve(struct terminal *terminal, size_t size)
{
	char *out = size > terminal->out_size ? realloc(terminal->out, size) : terminal->out;

	if (!out)
		return -ENOMEM;
	terminal->out = out;
	terminal->out_size = size > terminal->out_size ? size : terminal->out_size;
	return 0;
}

static void put(struct terminal *terminal, const char *text)
{
	size_t length = strlen(text);

	memcpy(terminal->out + terminal->out_length, text, length);
	terminal->out_length += length;
}

static void put_style(struct terminal *terminal, int style)
{
	int color = style & ~(STYLE_BOLD | STYLE_DIM | STYLE_REVERSE);
	static const char *const colors[STYLE_COLORS] = {
		[STYLE_PLAIN] = "",
		[STYLE_RED] = ";31",
		[STYLE_GREEN] = ";32",
		[STYLE_YELLOW] = ";33",
		[STYLE_CYAN] = ";36",
	};

	put(terminal, "\033[0");
	if (style & STYLE_BOLD)
		put(terminal, ";1");
	if (style & STYLE_DIM)
		put(terminal, ";2");
	if (style & STYLE_REVERSE)
		put(terminal, ";7");
	if (terminal->color)
		put(terminal, colors[color]);
	put(terminal, "m");
}

static void put_move(struct terminal *terminal, int row, int column)
{
	char text[32];

	snprintf(text, sizeof(text), "\033[%d;%dH", row + 1, column + 1);
	put(terminal, text);
}

static void put_code(struct terminal *terminal, wchar_t code)
{
	const unsigned c = (unsigned)code;
	char text[5] = {(char)c};

	if (c >= 0x10000) {
		text[0] = (char)(0xf0 | c >> 18);
		text[1] = (char)(0x80 | (c >> 12 & 0x3f));
		text[2] = (char)(0x80 | (c >> 6 & 0x3f));
		text[3] = (char)(0x80 | (c & 0x3f));
	} else if (c >= 0x800) {
		text[0] = (char)(0xe0 | c >> 12);
		text[1] = (char)(0x80 | (c >> 6 & 0x3f));
		text[2] = (char)(0x80 | (c & 0x3f));
	} else if (c >= 0x80) {
		text[0] = (char)(0xc0 | c >> 6);
		text[1] = (char)(0x80 | (c & 0x3f));
	}
	put(terminal, text);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->code == b->code && a->style == b->style;
}

/* Whether the cell, or the other half of its wide character, is shown in another way. */
static bool differs(
	const struct terminal *terminal, const struct canvas *canvas, int row, int column)
{
	const struct cell *cell = canvas_cell(canvas, row, column);
	const struct cell *shown = canvas_cell(&terminal->shown, row, column);

	if (terminal->redraw || !same_cell(cell, shown))
		return true;
	return column + 1 < canvas->width && cell[1].code == 0 && !same_cell(&cell[1], &shown[1]);
}

static void put_row(struct terminal *terminal, const struct canvas *canvas, int row)
{
	int at = -1, style = -1;

	for (int column = 0; column < canvas->width; column++) {
		const struct cell *cell = canvas_cell(canvas, row, column);
		bool wide = column + 1 < canvas->width && cell[1].code == 0;

		if (cell->code == 0 || !differs(terminal, canvas, row, column))
			continue;
		if (at != column)
			put_move(terminal, row, column);
		if (style != cell->style)
			put_style(terminal, cell->style);
		put_code(terminal, cell->code);
		style = cell->style;
		/* Terminals do not agree on the width of these. */
		at = wide ? -1 : column + 1;
	}
}

int terminal_show(struct terminal *terminal, const struct canvas *canvas)
{
	size_t cells = (size_t)canvas->width * (size_t)canvas->height;

	if (canvas->width != terminal->shown.width || canvas->height != terminal->shown.height) {
		if (canvas_resize(&terminal->shown, canvas->width, canvas->height) < 0)
			return -ENOMEM;
		terminal->redraw = true;
	}
	if (!terminal->redraw &&
		memcmp(terminal->shown.cells, canvas->cells, cells * sizeof(*canvas->cells)) == 0)
		return 0;
	if (reserve(terminal, cells * CELL_BYTES_MAX + CELL_BYTES_MAX) < 0)
		return -ENOMEM;
	terminal->out_length = terminal->out_done = 0;
	for (int row = 0; row < canvas->height; row++)
		put_row(terminal, canvas, row);
	if (terminal->out_length > 0)
		put(terminal, "\033[0m");
	memcpy(terminal->shown.cells, canvas->cells, cells * sizeof(*canvas->cells));
	terminal->redraw = false;
	return 0;
}

static void flush_out(struct terminal *terminal)
{
	size_t left = terminal->out_length - terminal->out_done;
	ssize_t n;

	if (terminal->slow && left > PIECE_BYTES)
		left = PIECE_BYTES;
	n = write(terminal->fd, terminal->out + terminal->out_done, left);
	if (n > 0)
		terminal->out_done += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		terminal->ended = terminal->ended ? terminal->ended : SIGHUP;
}

/* -- Signals and keys -- */

/* Stops, as the shell expects, and continues later. */
static void stop(struct terminal *terminal)
{
	leave(terminal);
	deliver(SIGTSTP);
	catch_signals();
	enter(terminal);
}

static void take_signals(struct terminal *terminal)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int number = signals[i];

		if (!came[number])
			continue;
		came[number] = 0;
		if (number == SIGTSTP)
			stop(terminal);
		else if (number == SIGCONT)
			enter(terminal);
		else if (number != SIGWINCH)
			terminal->ended = number;
	}
}

static void read_keys(struct terminal *terminal)
{
	struct pollfd more = {.fd = terminal->in, .events = POLLIN};

	do {
		size_t room = sizeof(terminal->keys) - terminal->key_count;
		ssize_t n =
			room ? read(terminal->in, terminal->keys + terminal->key_count, room) : 1;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (n <= 0)
			terminal->ended = SIGHUP;
		if (n <= 0 || room == 0)
			return;
		terminal->key_count += (size_t)n;
	} while (terminal->keys[terminal->key_count - 1] == '\033' &&
		 poll(&more, 1, ESCAPE_WAIT_MS) > 0);
}

bool terminal_wait(struct terminal *terminal, struct pollfd *polls, size_t count, int timeout_ms)
{
	struct timespec time = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	struct pollfd all[TERMINAL_POLLS_MAX + 2] = {
		{.fd = terminal->in, .events = POLLIN},
		{.fd = terminal_ready(terminal) ? -1 : terminal->fd, .events = POLLOUT},
	};
	sigset_t none;
	int n;

	sigprocmask(SIG_BLOCK, NULL, &none);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigdelset(&none, signals[i]);
	memcpy(all + 2, polls, count * sizeof(*polls));
	n = ppoll(all, 2 + count, timeout_ms < 0 ? NULL : &time, &none);
	for (size_t i = 0; i < count; i++)
		polls[i].revents = n > 0 ? all[2 + i].revents : 0;
	if (n > 0 && all[0].revents)
		read_keys(terminal);
	if (n > 0 && all[1].revents)
		flush_out(terminal);
	take_signals(terminal);
	return n != 0;
}

/* The keys that send several bytes. */
static const struct {
	const char *bytes;
	int key;
} sequences[] = {
	{"\033[A", KEY_UP},
	{"\033[B", KEY_DOWN},
	{"\033[C", KEY_RIGHT},
	{"\033[D", KEY_LEFT},
	{"\033OA", KEY_UP},
	{"\033OB", KEY_DOWN},
	{"\033OC", KEY_RIGHT},
	{"\033OD", KEY_LEFT},
	{"\033[5~", KEY_PAGE_UP},
	{"\033[6~", KEY_PAGE_DOWN},
};

/* The bytes of an unknown sequence: up to its letter. */
static size_t unknown_length(const struct terminal *terminal)
{
	size_t length = 2;

	while (length < terminal->key_count && (terminal->keys[length - 1] < 0x40 || length == 2))
		length++;
	return length;
}

static int first_key(const struct terminal *terminal, size_t *ret_length)
{
	const unsigned char *keys = terminal->keys;

	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		*ret_length = strlen(sequences[i].bytes);
		if (*ret_length <= terminal->key_count &&
			memcmp(keys, sequences[i].bytes, *ret_length) == 0)
			return sequences[i].key;
	}
	if (keys[0] == '\033' && terminal->key_count > 1 && (keys[1] == '[' || keys[1] == 'O')) {
		*ret_length = unknown_length(terminal);
		return KEY_NONE;
	}
	*ret_length = 1;
	if (keys[0] == '\033')
		return KEY_ESCAPE;
	if (keys[0] == '\r' || keys[0] == '\n')
		return KEY_ENTER;
	return keys[0] == 0x7f || keys[0] == '\b' ? KEY_BACKSPACE : keys[0];
}

int terminal_key(struct terminal *terminal)
{
	while (terminal->key_count > 0) {
		size_t length;
		int key = first_key(terminal, &length);

		terminal->key_count -= length;
		memmove(terminal->keys, terminal->keys + length, terminal->key_count);
		if (key != KEY_NONE)
			return key;
	}
	return KEY_NONE;
}
