/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <unistd.h>

#define STREAMS 3

static int set_stream(posix_spawn_file_actions_t *files, int stream, int fd)
{
	if (fd == PROCESS_NULL)
		return posix_spawn_file_actions_addopen(files, stream, "/dev/null", O_RDWR, 0);
	return fd == PROCESS_OURS ? 0 : posix_spawn_file_actions_adddup2(files, fd, stream);
}

static int set_files(posix_spawn_file_actions_t *files, const int streams[static STREAMS])
{
	int r = 0;

	for (int i = 0; r == 0 && i < STREAMS; i++)
		r = set_stream(files, i, streams[i]);
	return r ? r : posix_spawn_file_actions_addclosefrom_np(files, STREAMS);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	sigemptyset(&none);
	sigfillset(&all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return r ? r : posix_spawnattr_setsigdefault(attributes, &all);
}

int process_spawn(
	const char *program, const char *const argv[], int in, int out, int error, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_files(&files, (const int[]){in, out, error});
		if (r == 0)
			r = set_attributes(&attributes);
		if (r == 0)
			r = posix_spawnp(
				ret, program, &files, &attributes, (char *const *)argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

void process_hold_streams(void)
{
	static const int wrong_way[STREAMS] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int stream = 0; stream < STREAMS; stream++)
		if (fcntl(stream, F_GETFD) < 0)
			(void)!open("/dev/null", wrong_way[stream] | O_CLOEXEC);
}

bool process_keep_children(void)
{
	struct sigaction before;

	return sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &before) == 0 &&
	       before.sa_handler == SIG_IGN;
}
