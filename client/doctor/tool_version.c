/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/tool_version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define ANSWER_MAX_US (5 * USEC_PER_SEC)
#define ANSWER_SIZE 2048

extern char **environ;

/* How a tool is asked; the others take --version. */
static const struct {
	const char *name;
	const char *word;
} asked_by[] = {
	{"pymobiledevice3", "version"},
};

int tool_version_read(const char *answer, const char *name, char version[static TOOL_VERSION_SIZE])
{
	const char *at = strstr(answer, name);
	size_t length;

	if (at)
		at += strlen(name) + strspn(at + strlen(name), " :v");
	if (!at || !isdigit((unsigned char)*at))
		for (at = answer; *at && !isdigit((unsigned char)*at); at++)
			;
	length = strcspn(at, " \t\r\n,;)");
	if (!length || length >= TOOL_VERSION_SIZE)
		return -EBADMSG;
	text_clean(at, length, version, TOOL_VERSION_SIZE);
	return 0;
}

/* Reads until the end, the deadline or a full buffer. Returns 0 or a negative errno. */
static int read_answer(int fd, char answer[static ANSWER_SIZE])
{
	uint64_t end_us = clock_now().monotonic_us + ANSWER_MAX_US;
	size_t length = 0;

	answer[0] = '\0';
	while (length < ANSWER_SIZE - 1) {
		uint64_t now_us = clock_now().monotonic_us;
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now_us >= end_us)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)((end_us - now_us) / USEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(fd, answer + length, ANSWER_SIZE - 1 - length);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		length += (size_t)n;
		answer[length] = '\0';
	}
	return 0;
}

/* Starts the tool with both outputs at `fd` and its input empty, in a process group of its own. */
static int start(const char *name, int fd, pid_t *ret)
{
	const char *word = "--version";
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(asked_by); i++)
		if (text_equal(asked_by[i].name, name))
			word = asked_by[i].word;
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (!r)
		r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	if (!r)
		r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, fd, 1);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, fd, 2);
	if (!r)
		r = posix_spawnp(ret, name, &files, &attributes,
			(char *[]){(char *)name, (char *)word, NULL}, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE])
{
	CLEANUP(closep) int in = -1;
	CLEANUP(closep) int out = -1;
	char answer[ANSWER_SIZE];
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	r = start(name, out, &pid);
	if (r < 0)
		return r;
	close(TAKE_FD(out));
	r = read_answer(in, answer);
	/* What has answered, and what does not, is not needed any more. */
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : tool_version_read(answer, name, version);
}
