/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/raw_mode.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/macro.h"

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

/* For the handlers. */
static volatile sig_atomic_t active;
static struct termios before;
static int terminal;
static const char *last_words;

static void restore(void)
{
	if (!active)
		return;
	(void)!write(terminal, last_words, strlen(last_words));
	raw_mode_end();
}

/* SA_RESETHAND: the signal then ends the program. */
static void restore_after_crash(int number)
{
	restore();
	raise(number);
}

/* out_of_memory.c ends the program by quick_exit(). */
static void catch_crashes(void)
{
	struct sigaction crash = {.sa_handler = restore_after_crash, .sa_flags = (int)SA_RESETHAND};
	static bool caught;

	if (caught)
		return;
	caught = true;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &crash, NULL);
	at_quick_exit(restore);
}

void raw_mode_begin(int fd, const char *leave)
{
	struct termios raw;

	if (!active && tcgetattr(fd, &before) < 0)
		return;
	terminal = fd;
	last_words = leave;
	active = true;
	catch_crashes();
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &raw);
}

void raw_mode_end(void)
{
	if (active)
		tcsetattr(terminal, TCSANOW, &before);
	active = false;
}
