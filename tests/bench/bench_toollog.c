/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a big log of a restore with -d, and lets grep count the lines of the same file that have
 * one of the parser's texts: prints both times, their ratio and the memory that the reading took.
 * Usage: bench_toollog [MEGABYTES [SAMPLE]] */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/logs/toollog.h"
#include "tests/bench/biglog.h"

#define MEGABYTES 200
#define PIECE_BYTES 65536
#define ROUNDS 5

static uint64_t events, bytes_of_lines;

static void count_event(void *user, const struct event *event)
{
	events++;
	bytes_of_lines += event->text_length;
}

static double read_log(int fd)
{
	static char piece[PIECE_BYTES];
	struct stamp start = clock_now();
	struct rusage before, after;
	CLEANUP(toollog_freep) struct toollog *log = toollog_new(count_event, NULL);
	ssize_t size;

	getrusage(RUSAGE_SELF, &before);
	if (!log || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	while ((size = read(fd, piece, sizeof(piece))) > 0)
		toollog_feed(log, start, piece, (size_t)size);
	toollog_finish(log, start);
	getrusage(RUSAGE_SELF, &after);
	return biglog_seconds(&after) - biglog_seconds(&before);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/bench_toollog.XXXXXX";
	size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : MEGABYTES;
	int fd = biglog_make(argc > 2 ? argv[2] : CORPUS "/toollog/success.debug", megabytes, path);
	double best = 0, best_grep = 0;
	struct rusage usage;

	for (int i = 0; fd >= 0 && i < ROUNDS; i++) {
		double ours = read_log(fd), theirs = biglog_grep(path);

		best = best == 0 || ours < best ? ours : best;
		best_grep = best_grep == 0 || theirs < best_grep ? theirs : best_grep;
	}
	unlink(path);
	if (best == 0 || best_grep == 0) {
		fprintf(stderr, "bench_toollog: cannot read the sample, or no grep\n");
		return 1;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("toollog    %6.0f MB/s  (%zu MB, %" PRIu64 " events)\n", (double)megabytes / best,
		megabytes, events / ROUNDS);
	printf("grep -c -E %6.0f MB/s\n", (double)megabytes / best_grep);
	printf("ratio to grep %.2f (at least 1 is the aim), peak memory %ld MB (below 32)\n",
		best_grep / best, usage.ru_maxrss / 1024);
	return 0;
}
