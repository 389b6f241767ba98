/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hold-threads PROCESS: stops all threads of a process but its first one, like threads that hang.
 * It ends with the process. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static int hold(int thread)
{
	if (ptrace(PTRACE_SEIZE, thread, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, thread, 0, 0) < 0) {
		fprintf(stderr, "hold-threads: cannot stop thread %d: %m\n", thread);
		return -1;
	}
	return waitpid(thread, NULL, __WALL) == thread ? 0 : -1;
}

int main(int argc, char **argv)
{
	char path[64];
	const struct dirent *entry;
	DIR *threads;
	int held = 0;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "/proc/%d/task", atoi(argv[1]));
	threads = opendir(path);
	if (!threads)
		return 1;
	while ((entry = readdir(threads))) {
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == atoi(argv[1]))
			continue;
		if (hold(atoi(entry->d_name)) < 0)
			return 1;
		held++;
	}
	closedir(threads);
	printf("holds %d\n", held);
	fflush(stdout);
	/* What ends is taken, or the process could not end. */
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	return 0;
}
