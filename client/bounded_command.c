/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bounded_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/base/process.h"

#define COMMAND_GRACE_US (5 * USEC_PER_SEC)
#define KILL_WAIT_US USEC_PER_SEC
#define POLL_MAX_US (60 * USEC_PER_SEC)

struct child {
	pid_t pid;
	int end;     /* a pidfd: readable after it has ended */
	int input;   /* its standard input, not blocking; -1 = closed */
	int signals; /* a signalfd; -1 = no signal counts any more */
	const char *rest;
	size_t length; /* of `rest` */
};

/* Blocks the signals that end programs, except ignored ones. Returns a signalfd or a negative
 * errno. */
static int block_signals(sigset_t *before)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	}
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, before) == 0)
		return fd < 0 ? -errno : fd;
	close(fd);
	return -EINVAL;
}

static void kill_group(const struct child *child, int number)
{
	kill(-child->pid, number);
}

static int start(char **argv, struct child *child)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* Only our end: the program's end must stay blocking. */
	r = fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0
		    ? -errno
		    : process_spawn(argv[0], (const char *const *)argv, fds[0], PROCESS_OURS,
			      PROCESS_OURS, &child->pid);
	close(fds[0]);
	child->input = fds[1];
	if (r < 0)
		return r;
	child->end = pidfd_open(child->pid, 0);
	if (child->end >= 0)
		return 0;
	r = -errno;
	kill_group(child, SIGKILL);
	waitpid(child->pid, NULL, 0);
	return r;
}

/* Writes what fits. A program that does not read its input never gets the rest. */
static void write_input(struct child *child)
{
	ssize_t n = write(child->input, child->rest, child->length);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		child->rest += n;
		child->length -= (size_t)n;
	}
	if (n < 0 || child->length == 0)
		close(TAKE_FD(child->input));
}

/* Waits for the end, a signal, or the limit. */
static enum command_end wait_for_end(struct child *child, uint64_t limit_us)
{
	uint64_t until_us = clock_now().monotonic_us + limit_us, now_us;

	while ((now_us = clock_now().monotonic_us) < until_us) {
		uint64_t left_us = until_us - now_us;
		struct pollfd fds[] = {
			{.fd = child->end, .events = POLLIN},
			{.fd = child->signals, .events = POLLIN},
			{.fd = child->input, .events = POLLOUT},
		};

		if (left_us > POLL_MAX_US)
			left_us = POLL_MAX_US;
		if (poll(fds, ARRAY_SIZE(fds), (int)(left_us / USEC_PER_MSEC) + 1) < 0)
			continue;
		if (fds[0].revents)
			return COMMAND_ENDED;
		if (fds[1].revents)
			return COMMAND_STOPPED;
		if (fds[2].revents)
			write_input(child);
	}
	return COMMAND_TIMED_OUT;
}

/* Until it is reaped, its pid identifies it and its group. */
static void end_group(struct child *child)
{
	kill_group(child, SIGTERM);
	/* One is enough: the signal stays pending. */
	closep(&child->signals);
	child->signals = -1;
	wait_for_end(child, COMMAND_GRACE_US);
	kill_group(child, SIGKILL);
	wait_for_end(child, KILL_WAIT_US);
}

int bounded_command_run(
	char **argv, const char *input, size_t length, uint64_t limit_us, int *status)
{
	struct child child = {.end = -1, .input = -1, .rest = input, .length = length};
	sigset_t before;
	int r;

	child.signals = block_signals(&before);
	if (child.signals < 0)
		return child.signals;
	r = start(argv, &child);
	if (r == 0) {
		r = wait_for_end(&child, limit_us);
		if (r != COMMAND_ENDED)
			end_group(&child);
		if (waitpid(child.pid, status, WNOHANG) != child.pid)
			*status = -1;
	}
	closep(&child.end);
	closep(&child.input);
	closep(&child.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
