/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/keys.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/raw_mode.h"
#include "common/base/macro.h"
#include "common/base/text.h"

#define CTRL_D 4

static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t stopped, raw;

static void note_stop(int number)
{
	stopped = 1;
}

/* Ctrl-Z: the shell gets the terminal as it was. */
static void note_rest(int number)
{
	bool again = raw;

	keys_cooked();
	raise(SIGSTOP);
	if (again)
		keys_raw();
}

void keys_begin(void)
{
	/* Without SA_RESTART: a signal ends a read. */
	struct sigaction action = {.sa_handler = note_stop};
	struct sigaction rest = {.sa_handler = note_rest, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaction(stops[i], &action, NULL);
	sigaction(SIGTSTP, &rest, NULL);
	/* Keys are read past its buffer. */
	setvbuf(stdin, NULL, _IONBF, 0);
}

bool keys_stopped(void)
{
	return stopped;
}

void keys_forget(void)
{
	stopped = 0;
}

void keys_raw(void)
{
	raw = true;
	raw_mode_begin(STDIN_FILENO, "");
}

void keys_cooked(void)
{
	raw_mode_end();
	raw = false;
}

/* Returns 'q' at the end of input. */
static int read_key(void)
{
	unsigned char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n < 0 && errno == EINTR)
		return 0;
	return n <= 0 || key == CTRL_D ? 'q' : tolower(key);
}

int keys_pressed(void)
{
	struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&ready, 1, 0) > 0 ? read_key() : 0;
}

/* Waits until there is input to read. Returns false to stop, also if the signal came just before.
 */
static bool wait_for_input(void)
{
	struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t blocked, before;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaddset(&blocked, stops[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	while (!stopped && ppoll(&ready, 1, NULL, &before) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !stopped;
}

int keys_ask(const char *question, const char *wanted)
{
	int key = 0;

	printf("%s ", question);
	fflush(stdout);
	keys_raw();
	while (key != 'q' && !(key && strchr(wanted, key)) && wait_for_input())
		key = read_key();
	keys_cooked();
	if (stopped)
		key = 'q';
	printf("%c\n", key);
	return key;
}

bool keys_line(const char *question, const char *otherwise, char *ret, size_t size)
{
	char line[1024];
	size_t length;

	if (stopped)
		return false;
	printf("%s%s%s%s ", question, *otherwise ? " [" : "", otherwise, *otherwise ? "]" : "");
	fflush(stdout);
	if (!wait_for_input() || !fgets(line, sizeof(line), stdin) || stopped) {
		putchar('\n');
		stopped = 1;
		return false;
	}
	length = strcspn(line, "\r\n");
	while (length > 0 && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	text_copy(ret, size, length ? line : otherwise);
	return true;
}
