/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "common/base/macro.h"

#define KILL_WAIT_MS 1000

const char *phone_program_path(void)
{
	const char *path = getenv("IDEVICETRIAGE_PHONE_PROGRAM");

	return path && *path ? path : PHONE_PROGRAM;
}

/* The output goes to `out`; no other descriptor is inherited. */
static int set_files(posix_spawn_file_actions_t *files, int out)
{
	int r = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0);
	return r ? r : posix_spawn_file_actions_addclosefrom_np(files, 3);
}

/* Its own process group, and default signal handling whatever ours is. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	sigemptyset(&none);
	sigfillset(&all);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attributes, 0);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return r ? r : posix_spawnattr_setsigdefault(attributes, &all);
}

static int spawn(const char *program, const char *const arguments[], int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r;

	r = posix_spawn_file_actions_init(&files);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_files(&files, out);
		if (r == 0)
			r = set_attributes(&attributes);
		if (r == 0)
			r = posix_spawn(ret, program, &files, &attributes, (char *const *)arguments,
				environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return -r;
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
		r = spawn(program, arguments, pipe_fds[1], &process.pid);
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
