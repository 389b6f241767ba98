/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/keys.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define CTRL_D 4

static volatile sig_atomic_t stopped;
static struct termios before;
static bool raw;

static void note_stop(int number)
{
	stopped = 1;
}

void keys_begin(void)
{
	/* Without SA_RESTART: a signal ends a read. */
	struct sigaction action = {.sa_handler = note_stop};
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
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
	struct termios settings;

	if (raw || tcgetattr(STDIN_FILENO, &before) < 0)
		return;
	settings = before;
	settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	settings.c_cc[VMIN] = 1;
	settings.c_cc[VTIME] = 0;
	raw = tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
}

void keys_cooked(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
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

int keys_ask(const char *question, const char *wanted)
{
	int key = 0;

	printf("%s ", question);
	fflush(stdout);
	keys_raw();
	while (!stopped && key != 'q' && !(key && strchr(wanted, key)))
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
	if (!fgets(line, sizeof(line), stdin) || stopped) {
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
