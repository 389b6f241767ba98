/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/output/output.h"
#include "common/base/text.h"

#define PIECE_BYTES 16384
#define ROWS_DEFAULT 24
#define NOT_STARTED 127 /* also the shell's status for a command that it cannot find */

/* A person who may run this program as root, but no other one, must not get a shell from the
 * pager. */
static bool is_raised(void)
{
	return geteuid() != getuid() || getenv("SUDO_UID") || getenv("PKEXEC_UID");
}

/* The command line of the pager; "" = none. */
static const char *find_pager(void)
{
	static const char *const variables[] = {"IDEVICETRIAGE_PAGER", "PAGER"};
	const char *pager = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(variables) && !pager; i++)
		pager = getenv(variables[i]);
	if (!pager || (is_raised() && *pager))
		return "less";
	return text_equal(pager, "cat") ? "" : pager;
}

void pager_begin(struct context *context)
{
	const char *term = getenv("TERM");
	int fd;

	if (context->no_pager || !context->layout.terminal || !context->output->live ||
		!*find_pager() || !term || text_equal(term, "dumb"))
		return;
	fd = memfd_create("output", MFD_CLOEXEC);
	if (fd < 0)
		return;
	context->terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (context->terminal < 0 || dup2(fd, STDOUT_FILENO) < 0)
		context->terminal = 0;
	close(fd);
}

/* Whether a text that begins at the top leaves no row for the prompt. */
struct screen {
	int columns, rows;
	int column, row;
	bool escape; /* in a sequence such as a colour */
};

static void screen_add(struct screen *screen, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (screen->escape) {
			screen->escape = c != 'm';
		} else if (c == '\033') {
			screen->escape = true;
		} else if (c == '\n' || screen->column == screen->columns) {
			screen->row++;
			screen->column = c != '\n';
		} else {
			screen->column += (c & 0xc0) != 0x80;
		}
	}
}

static bool is_long(const struct context *context, int fd)
{
	struct winsize size = {0};
	struct screen screen = {.columns = context->layout.width};
	char piece[PIECE_BYTES];
	ssize_t n;

	ioctl(context->terminal, TIOCGWINSZ, &size);
	screen.rows = size.ws_row ? size.ws_row : ROWS_DEFAULT;
	while (screen.row < screen.rows && (n = read(fd, piece, sizeof(piece))) > 0)
		screen_add(&screen, piece, (size_t)n);
	lseek(fd, 0, SEEK_SET);
	return screen.row >= screen.rows;
}

static void run_child(const char *pager, int fd)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	/* As git(1): stay if it fits, show colours, leave the text on the screen. */
	setenv("LESS", "FRX", false);
	setenv("LESSCHARSET", "utf-8", false);
	if (is_raised())
		setenv("LESSSECURE", "1", true);
	if (dup2(fd, STDIN_FILENO) == STDIN_FILENO) {
		if (text_equal(pager, "less"))
			execlp(pager, pager, (char *)NULL);
		else
			execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
	}
	_exit(NOT_STARTED);
}

/* Returns whether the pager ran: however it ended, the person has decided. */
static bool run_pager(int fd)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
	int status = 0;
	pid_t child;

	/* The pager handles the keys. */
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	child = fork();
	if (child == 0)
		run_child(find_pager(), fd);
	if (child > 0)
		waitpid(child, &status, 0);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	return child > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == NOT_STARTED);
}

static void copy(int fd)
{
	char piece[PIECE_BYTES];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		fwrite(piece, 1, (size_t)n, stdout);
}

/* Standard output is the terminal again. */
static void show(struct context *context)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	dup2(context->terminal, STDOUT_FILENO);
	lseek(fd, 0, SEEK_SET);
	if (!is_long(context, fd) || !run_pager(fd))
		copy(fd);
	close(fd);
	close(context->terminal);
	context->terminal = 0;
}

int pager_end(struct context *context, int code)
{
	bool written = fflush(stdout) == 0;

	if (context->terminal)
		show(context);
	/* A full disk or a closed pipe must not look like success. */
	if (written && fflush(stdout) == 0 && !ferror(stdout))
		return code;
	report_error("Cannot write the output (%m).");
	return code == EXIT_DONE || context->command->exits_with_phase ? EXIT_REFUSED : code;
}
