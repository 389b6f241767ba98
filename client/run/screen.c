/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/text_layout.h"
#include "common/base/macro.h"

/* A pipe or terminal that polls writable accepts at least this much without blocking, if it could
 * not be opened in non-blocking mode. */
#define PIECE_BYTES 512

/* Clears the line below the cursor, which returns to its position. */
#define CLEAR_BELOW "\0337\033[B\r\033[2K\0338"
/* Ensures that there is a line below (ESC D scrolls at the bottom), moves there, and clears it. */
#define OPEN_BELOW "\033D\033[A\0337\033[B\r\033[2K"
#define CLOSE_BELOW "\0338"

/* Opens the file of `fd` again in non-blocking mode: setting O_NONBLOCK on `fd` itself would change
 * it for the tool and the shell too. -1 if that is impossible. */
static int reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool same_terminal(void)
{
	struct stat out, err;

	return isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &out) == 0 &&
	       fstat(STDERR_FILENO, &err) == 0 && out.st_rdev == err.st_rdev;
}

void screen_init(struct screen *screen, int out, bool live)
{
	const char *term = getenv("TERM");

	*screen = (struct screen){.live_fd = -1};
	screen->regular = is_regular(out);
	screen->fd = screen->regular ? -1 : reopen(out);
	if (screen->fd < 0)
		screen->fd = out;
	if (!live || !isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0)
		return;
	screen->one = same_terminal();
	screen->live_fd = screen->one ? screen->fd : reopen(STDERR_FILENO);
	if (screen->live_fd < 0)
		screen->live_fd = STDERR_FILENO;
	screen->width = layout_terminal_width(STDERR_FILENO);
}

void screen_done(struct screen *screen)
{
	screen_live(screen, "");
	if (screen->live_fd > STDERR_FILENO && screen->live_fd != screen->fd)
		close(screen->live_fd);
	if (screen->fd > STDERR_FILENO)
		close(screen->fd);
	*screen = (struct screen){.fd = -1, .live_fd = -1, .broken = true};
}

/* Returns the bytes written, 0 for "not now", or a negative errno. */
static ssize_t write_now(int fd, const char *bytes, size_t length)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	if (poll(&ready, 1, 0) <= 0)
		return 0;
	n = write(fd, bytes, length);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void live_write(struct screen *screen, const char *text)
{
	/* A live line that does not fit into the terminal's queue may be dropped. */
	(void)!write_now(screen->live_fd, text, strlen(text));
}

static void hide(struct screen *screen)
{
	if (!screen->shown)
		return;
	live_write(screen, screen->one ? CLEAR_BELOW : "\r\033[2K");
	screen->shown = false;
}

static void show(struct screen *screen)
{
	char text[SCREEN_LINE_BYTES + 64];

	if (screen->live_fd < 0 || !screen->line[0])
		return;
	snprintf(text, sizeof(text), "%s%s%s", screen->one ? OPEN_BELOW : "\r\033[2K", screen->line,
		screen->one ? CLOSE_BELOW : "");
	live_write(screen, text);
	screen->shown = true;
}

size_t screen_write(struct screen *screen, const char *bytes, size_t length)
{
	ssize_t n;

	if (screen->broken)
		return length;
	if (screen->one)
		hide(screen);
	if (screen->fd <= STDERR_FILENO && !screen->regular && length > PIECE_BYTES)
		length = PIECE_BYTES;
	n = write_now(screen->fd, bytes, length);
	if (n < 0) {
		screen->broken = true;
		return length;
	}
	if (screen->one)
		show(screen);
	return (size_t)n;
}

void screen_live(struct screen *screen, const char *line)
{
	if (screen->live_fd < 0)
		return;
	screen->width = layout_terminal_width(STDERR_FILENO);
	snprintf(screen->line, sizeof(screen->line), "%s", line);
	if (screen->line[0])
		show(screen);
	else
		hide(screen);
}
