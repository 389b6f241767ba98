/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lets the command import a big log, without a daemon, and grep count the lines of the same file
 * that have one of the parser's texts: prints both times, their ratio, and the most memory that the
 * command took, and fails where that is too much. Usage: bench_import COMMAND [MEGABYTES [SAMPLE]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/biglog.h"

#define MEGABYTES 200
#define ROUNDS 5
#define MEMORY_KIB_MAX (16 * 1024)

/* Returns the seconds of processor time, 0 if the command failed, and the peak of its memory. */
static double run_import(const char *command, const char *path, long *ret_memory_kib)
{
	struct rusage usage;
	int status;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		execl(command, command, "import", "--dry-run", path, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 0)
		return 0;
	*ret_memory_kib = usage.ru_maxrss;
	return biglog_seconds(&usage);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/bench_import.XXXXXX";
	size_t megabytes = argc > 2 ? strtoul(argv[2], NULL, 10) : MEGABYTES;
	double best = 0, best_grep = 0;
	long memory_kib = 0;
	int fd = argc < 2 ? -1
			  : biglog_make(argc > 3 ? argv[3] : CORPUS "/toollog/success.debug",
				    megabytes, path);

	for (int i = 0; fd >= 0 && i < ROUNDS; i++) {
		long kib = 0;
		double ours = run_import(argv[1], path, &kib), theirs = biglog_grep(path);

		best = best == 0 || ours < best ? ours : best;
		best_grep = best_grep == 0 || theirs < best_grep ? theirs : best_grep;
		memory_kib = kib > memory_kib ? kib : memory_kib;
	}
	if (fd >= 0)
		unlink(path);
	if (best == 0 || best_grep == 0) {
		fprintf(stderr, "bench_import: cannot read the sample, or no command or grep\n");
		return 1;
	}
	printf("import     %6.0f MB/s  (%zu MB in %.2f s)\n", (double)megabytes / best, megabytes,
		best);
	printf("grep -c -E %6.0f MB/s\n", (double)megabytes / best_grep);
	printf("| log of %zu MB, beside grep with the same patterns | %.2f x | >= 2 x | %s | "
	       "each line is cleaned, checked for letters of dumps, and hashed |\n",
		megabytes, best_grep / best, best_grep >= 2 * best ? "yes" : "no");
	printf("| the same, peak memory | %.1f MB | < 16 MB | %s | buffers |\n",
		(double)memory_kib / 1024, memory_kib < 16 * 1024 ? "yes" : "no");
	return memory_kib > MEMORY_KIB_MAX;
}
