/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/biglog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/logs/toollog.h"

/* Adds a dump of a request to the signing server: nine tenths of such a log. */
static size_t add_dump(char *text, size_t at, size_t bytes)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t random = 1;
	size_t end = at + bytes;

	for (size_t line = 0; at < end; line++) {
		if (line % 4 == 0)
			at += (size_t)sprintf(text + at,
				"\t<key>Component%zu</key>\n\t<dict>\n\t\t<data>\n", line);
		for (size_t i = 0; i < 64; i++) {
			random = random * 1664525 + 1013904223;
			text[at++] = letters[random >> 26];
		}
		text[at++] = '\n';
	}
	return at;
}

int biglog_make(const char *sample, size_t megabytes, char *path)
{
	static char text[2 << 20];
	FILE *in = fopen(sample, "re");
	size_t size = in ? fread(text, 1, sizeof(text) / 16, in) : 0;
	int fd = mkstemp(path);

	if (in)
		fclose(in);
	if (size == 0 || fd < 0)
		return -1;
	size = add_dump(text, size, size * 9);
	for (size_t done = 0; done < megabytes << 20; done += size)
		if (write(fd, text, size) != (ssize_t)size)
			return -1;
	return fd;
}

double biglog_seconds(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / (double)USEC_PER_SEC;
}

/* Writes the texts that the parser searches for as one extended regular expression. */
static void write_patterns(char *out, size_t size)
{
	size_t at = 0;
	const char *text;

	for (size_t i = 0; (text = toollog_text(i)); i++) {
		if (i > 0 && at + 1 < size)
			out[at++] = '|';
		for (const char *c = text; *c && at + 2 < size; c++) {
			if (strchr("\\^$.[]|()?*+{}", *c))
				out[at++] = '\\';
			out[at++] = *c;
		}
	}
	out[at] = '\0';
}

double biglog_grep(const char *path)
{
	static char patterns[65536];
	char counted[32];
	struct rusage usage = {0};
	int status, pipes[2];
	pid_t child;

	write_patterns(patterns, sizeof(patterns));
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return 0;
	child = fork();
	if (child == 0) {
		/* Not /dev/null: there grep stops at the first line that matches. */
		dup2(pipes[1], STDOUT_FILENO);
		execlp("grep", "grep", "-c", "-E", "-e", patterns, path, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
		WEXITSTATUS(status) > 1)
		status = -1;
	close(pipes[1]);
	if (read(pipes[0], counted, sizeof(counted)) <= 0)
		status = -1;
	close(pipes[0]);
	return status < 0 ? 0 : biglog_seconds(&usage);
}
