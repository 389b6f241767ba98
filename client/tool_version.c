/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/tool_version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "common/model/known_tool.h"

#define ANSWER_MAX_US (5 * USEC_PER_SEC)

extern char **environ;

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

static int start(const char *name, const char *const *argv, struct tool_question *ret)
{
	CLEANUP(closep) int in = -1;
	CLEANUP(closep) int out = -1;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	/* Only our end: the tool's end must stay blocking. */
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = process_spawn(argv[0], argv, PROCESS_NULL, out, out, &pid);
	if (r < 0)
		return r;
	*ret = (struct tool_question){.name = name, .pid = pid, .fd = TAKE_FD(in)};
	return 0;
}

int tool_version_start(const char *name, struct tool_question *ret)
{
	const struct known_tool *tool = known_tool_by_name(name);
	const char *word = tool && tool->ask ? tool->ask : "--version";

	return start(name, (const char *[]){name, word, NULL}, ret);
}

int tool_package_start(const char *name, struct tool_question *ret)
{
	/* dpkg knows a file by its path without links. The package with the program's name is asked
	 * first: a search among all takes five times as long. */
	static const char script[] =
		"path=$(command -v \"$1\") && path=$(readlink -f \"$path\") && "
		"owner=${path##*/} && "
		"{ dpkg-query -L \"$owner\" 2>/dev/null | grep -qxF \"$path\" 2>/dev/null || "
		"owner=$(dpkg-query -S \"$path\" 2>/dev/null); } && "
		"dpkg-query -W -f '${Version}\\n' \"${owner%%:*}\"";

	return start(name, (const char *[]){"/bin/sh", "-c", script, "sh", name, NULL}, ret);
}

bool tool_version_hear(struct tool_question *question)
{
	if (question->fd < 0 || question->complete)
		return true;
	while (question->length < sizeof(question->answer) - 1) {
		ssize_t n = read(question->fd, question->answer + question->length,
			sizeof(question->answer) - 1 - question->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			break;
		question->length += (size_t)n;
	}
	question->complete = true;
	return true;
}

/* The program is no longer needed. One that hangs in the kernel is left to init. */
static void end(struct tool_question *question)
{
	if (question->fd < 0)
		return;
	close(TAKE_FD(question->fd));
	kill(-question->pid, SIGKILL);
	waitpid(question->pid, NULL, WNOHANG);
}

int tool_version_end(struct tool_question *question, char version[static TOOL_VERSION_SIZE])
{
	end(question);
	if (!question->name)
		return -EBADMSG;
	return tool_version_read(question->answer, question->name, version);
}

/* dpkg's versions have no blank and begin with a digit (deb-version(7)). */
int tool_package_end(struct tool_question *question, char package[static TOOL_PACKAGE_SIZE])
{
	size_t length = strcspn(question->answer, "\n");

	end(question);
	if (!isdigit((unsigned char)question->answer[0]) || !question->answer[length] ||
		length >= TOOL_PACKAGE_SIZE || strcspn(question->answer, " ") < length)
		return -EBADMSG;
	text_clean(question->answer, length, package, TOOL_PACKAGE_SIZE);
	return 0;
}

/* Waits until the answer is complete. */
static bool wait_for(struct tool_question *question)
{
	uint64_t end_us = clock_now().monotonic_us + ANSWER_MAX_US, now_us;
	bool heard = false;

	while (!heard && (now_us = clock_now().monotonic_us) < end_us) {
		struct pollfd ready = {.fd = question->fd, .events = POLLIN};

		poll(&ready, 1, (int)((end_us - now_us) / USEC_PER_MSEC) + 1);
		heard = tool_version_hear(question);
	}
	return heard;
}

int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE])
{
	struct tool_question question;
	bool heard;
	int r = tool_version_start(name, &question);

	if (r < 0)
		return r;
	heard = wait_for(&question);
	r = tool_version_end(&question, version);
	return heard ? r : -ETIMEDOUT;
}

int tool_package_ask(const char *name, char package[static TOOL_PACKAGE_SIZE])
{
	struct tool_question question;
	bool heard;
	int r = tool_package_start(name, &question);

	if (r < 0)
		return r;
	heard = wait_for(&question);
	r = tool_package_end(&question, package);
	return heard ? r : -ETIMEDOUT;
}

void tool_version_join(const char *version, const char *package, char out[static TOOL_VERSION_SIZE])
{
	if (!*package)
		text_copy(out, TOOL_VERSION_SIZE, version);
	else
		snprintf(out, TOOL_VERSION_SIZE, "%s%s(package %s)", version, *version ? " " : "",
			package);
}
