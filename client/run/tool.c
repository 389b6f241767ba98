/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/known_tool.h"

#define PATH_BYTES 4096

/* Finds the file that execvp() would use for `name`. Returns 0 or an errno. */
static int find_file(const char *name, char file[static PATH_BYTES])
{
	const char *path = getenv("PATH");
	int worst = ENOENT;

	if (strchr(name, '/')) {
		text_copy(file, PATH_BYTES, name);
		return access(name, X_OK) < 0 ? errno : 0;
	}
	for (path = path ? path : "/usr/bin:/bin"; path; path = strchr(path, ':')) {
		path += *path == ':';
		snprintf(file, PATH_BYTES, "%.*s/%s", (int)strcspn(path, ":"), path, name);
		if (access(file, X_OK) == 0)
			return 0;
		if (errno == EACCES)
			worst = EACCES;
	}
	return worst;
}

/* Whether execvp() would find `name`: its errno, or 0. */
static int find_program(const char *name)
{
	char file[PATH_BYTES];

	return find_file(name, file);
}

/* The restore tool that a word of a command names; NULL if it names none. */
static const struct known_tool *tool_named(const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct known_tool *tool = known_tool_by_name(slash ? slash + 1 : path);

	return tool && tool->role == PROGRAM_TOOL ? tool : NULL;
}

char **tool_word(char **argv)
{
	for (char **word = argv; *word; word++)
		if (tool_named(*word))
			return word;
	return argv;
}

bool tool_is_known(const char *word)
{
	return tool_named(word) != NULL;
}

bool tool_may_be_asked(const char *word)
{
	char file[PATH_BYTES], magic[4] = "";
	const struct known_tool *tool = tool_named(word);
	CLEANUP(closep) int fd = -1;

	if (!tool || !tool->quick || find_file(word, file) != 0)
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

int tool_become(char **argv, const struct tool_signals *inherited)
{
	/* Tools in Python have their own buffering, which ignores stdbuf. */
	setenv("PYTHONUNBUFFERED", "1", 0);
	sigaction(SIGPIPE, &inherited->pipe, NULL);
	sigaction(SIGCHLD, &inherited->child, NULL);
	sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
	execvp(argv[0], argv);
	return -errno;
}

/* In the child: executes the tool, or reports the error to `report_fd`. */
static void start_in_child(
	char **argv, int log_fd, const struct tool_signals *inherited, int report_fd)
{
	int failure;

	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	failure = -tool_become(argv, inherited);
	if (write(report_fd, &failure, sizeof(failure)) < 0)
		_exit(TOOL_NOT_EXECUTABLE);
	_exit(TOOL_NOT_FOUND);
}

/* The command line with `stdbuf -oL` before it. Borrows the words; the caller frees the array. */
static char **buffered_command(char **argv)
{
	static char program[] = "stdbuf", option[] = "-oL", end[] = "--";
	size_t count = 0;
	char **command;

	while (argv[count])
		count++;
	command = calloc(count + 4, sizeof(*command));
	if (!command)
		return NULL;
	command[0] = program;
	command[1] = option;
	command[2] = end;
	memcpy(command + 3, argv, count * sizeof(*command));
	return command;
}

int tool_start(struct tool *tool, char **argv, int log_fd, const struct tool_signals *inherited,
	_Atomic pid_t *announced)
{
	CLEANUP(freep) char **command = NULL;
	CLEANUP(closep) int told = -1, tells = -1;
	int pipe_fds[2], failure = 0;
	pid_t pid;

	/* stdbuf would report it in its own words, and only to the log. */
	failure = find_program(argv[0]);
	if (failure)
		return -failure;
	if (find_program("stdbuf") == 0)
		command = buffered_command(argv);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	told = pipe_fds[0];
	tells = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		*announced = getpid();
		start_in_child(command ? command : argv, log_fd, inherited, tells);
	}
	close(TAKE_FD(tells));
	/* The pipe closes at exec: this only waits for that. */
	if (read(told, &failure, sizeof(failure)) == sizeof(failure)) {
		waitpid(pid, NULL, 0);
		return -failure;
	}
	*tool = (struct tool){.pid = pid};
	return 0;
}

void tool_reap(struct tool *tool)
{
	int status;

	if (tool->ended || waitpid(tool->pid, &status, WNOHANG) != tool->pid)
		return;
	tool->ended = true;
	tool->killed = WIFSIGNALED(status);
	tool->number = tool->killed ? WTERMSIG(status) : WEXITSTATUS(status);
}

int tool_exit_code(const struct tool *tool)
{
	return tool->killed ? 128 + tool->number : tool->number;
}

/* The value that `argument` or `next` gives to one of the options; NULL if neither does. */
static const char *option_value(const char *argument, const char *next)
{
	static const char *const options[] = {"--ecid", "--udid", "-i", "-u"};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *rest = argument + strlen(options[i]);

		if (!text_starts_with(argument, options[i]))
			continue;
		if (*rest == '\0')
			return next;
		if (argument[1] != '-')
			return rest;
		if (*rest == '=')
			return rest + 1;
	}
	return NULL;
}

void tool_named_phone(const char *const *argv, uint64_t *ecid, char udid[static UDID_SIZE])
{
	*ecid = 0;
	udid[0] = '\0';
	for (size_t i = 1; argv[0] && argv[i]; i++) {
		const char *value = option_value(argv[i], argv[i + 1]);

		if (!value)
			continue;
		if (udid_normalize(value, udid) < 0 && ecid_parse(value, ecid) < 0)
			continue;
		return;
	}
}
