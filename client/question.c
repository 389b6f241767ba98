/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/question.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/base/process.h"

int question_start(const char *const *argv, struct question *ret)
{
	CLEANUP(closep) int in = -1;
	CLEANUP(closep) int out = -1;
	int fds[2], r;

	*ret = (struct question){.fd = -1};
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	/* Only our end: the program's end must stay blocking. */
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = process_spawn(argv[0], argv, PROCESS_NULL, out, out, &ret->pid);
	if (r < 0)
		return r;
	ret->fd = TAKE_FD(in);
	return 0;
}

bool question_hear(struct question *question)
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

bool question_wait(struct question *question, uint64_t limit_us)
{
	uint64_t end_us = clock_now().monotonic_us + limit_us, now_us;
	bool heard = question_hear(question);

	while (!heard && (now_us = clock_now().monotonic_us) < end_us) {
		struct pollfd ready = {.fd = question->fd, .events = POLLIN};

		poll(&ready, 1, (int)((end_us - now_us) / USEC_PER_MSEC) + 1);
		heard = question_hear(question);
	}
	return heard;
}

/* A program that hangs in the kernel is left to init. */
void question_end(struct question *question)
{
	if (question->fd < 0)
		return;
	close(TAKE_FD(question->fd));
	kill(-question->pid, SIGKILL);
	waitpid(question->pid, NULL, WNOHANG);
}
