/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "common/base/macro.h"
#include "common/base/process.h"

#define KILL_WAIT_MS 1000

const char *phone_program_path(void)
{
	const char *path = getenv("IDEVICETRIAGE_PHONE_PROGRAM");

	return path && *path ? path : PHONE_PROGRAM;
}

int phone_process_start(
	const char *program, const char *const arguments[], struct phone_process *ret)
{
	struct phone_process process = {.output = -1, .end = -1};
	int pipe_fds[2], r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	process.output = pipe_fds[0];
	/* The writing end stays blocking, as programs expect. */
	if (fcntl(process.output, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	else
		r = process_spawn(
			program, arguments, PROCESS_NULL, pipe_fds[1], PROCESS_NULL, &process.pid);
	close(pipe_fds[1]);
	if (r < 0) {
		close(process.output);
		return r;
	}
	process.end = pidfd_open(process.pid, 0);
	if (process.end < 0) {
		r = -errno;
		phone_process_kill(&process);
		waitpid(process.pid, NULL, 0);
		close(process.output);
		return r;
	}
	*ret = process;
	return 0;
}

void phone_process_kill(const struct phone_process *process)
{
	kill(-process->pid, SIGKILL);
}

int phone_process_end(struct phone_process *process)
{
	struct pollfd end = {.fd = process->end, .events = POLLIN};
	int status;

	/* Not reaped yet, so the pid still identifies it and its group. */
	phone_process_kill(process);
	while (poll(&end, 1, KILL_WAIT_MS) < 0 && errno == EINTR)
		;
	if (waitpid(process->pid, &status, WNOHANG) != process->pid)
		status = -1;
	close(process->end);
	close(process->output);
	return status;
}
