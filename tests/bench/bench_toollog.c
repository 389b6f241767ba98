/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a big log of a restore with -d, and lets grep count the lines of the same file that have
 * one of the signs' texts: prints both times, their ratio and the memory that the reading took.
 * Usage: bench_toollog [MEGABYTES [SAMPLE]] */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/triage/sign.h"
#include "common/triage/toollog.h"

#define MEGABYTES 200
#define PIECE_BYTES 65536
#define ROUNDS 3

static uint64_t events, bytes_of_lines;

static void count_event(void *user, const struct event *event)
{
	events++;
	bytes_of_lines += event->text_length;
}

/* What fills nine tenths of such a log: the dumps of what is sent to the signing server. */
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

/* Writes the sample and a dump again and again. Returns a file of that path. */
static int make_log(const char *sample, size_t megabytes, char *path)
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

static double seconds_since(struct stamp start)
{
	return (double)(clock_now().monotonic_us - start.monotonic_us) / (double)USEC_PER_SEC;
}

static double read_log(int fd)
{
	static char piece[PIECE_BYTES];
	struct stamp start = clock_now();
	CLEANUP(toollog_freep) struct toollog *log = toollog_new(count_event, NULL);
	ssize_t size;

	if (!log || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	while ((size = read(fd, piece, sizeof(piece))) > 0)
		toollog_feed(log, start, piece, (size_t)size);
	toollog_finish(log, start);
	return seconds_since(start);
}

/* The texts as one extended regular expression. */
static void write_patterns(char *out, size_t size)
{
	size_t count, at = 0;
	const struct sign *signs = sign_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && at + 1 < size)
			out[at++] = '|';
		for (const char *c = signs[i].text; *c && at + 2 < size; c++) {
			if (strchr("\\^$.[]|()?*+{}", *c))
				out[at++] = '\\';
			out[at++] = *c;
		}
	}
	out[at] = '\0';
}

static double run_grep(const char *path)
{
	static char patterns[65536];
	char counted[32];
	struct stamp start;
	int status, pipes[2];
	pid_t child;

	write_patterns(patterns, sizeof(patterns));
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return 0;
	start = clock_now();
	child = fork();
	if (child == 0) {
		/* Not /dev/null: there grep stops at the first line that matches. */
		dup2(pipes[1], STDOUT_FILENO);
		execlp("grep", "grep", "-c", "-E", "-e", patterns, path, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
		WEXITSTATUS(status) > 1)
		status = -1;
	close(pipes[1]);
	if (read(pipes[0], counted, sizeof(counted)) <= 0)
		status = -1;
	close(pipes[0]);
	return status < 0 ? 0 : seconds_since(start);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/bench_toollog.XXXXXX";
	size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : MEGABYTES;
	int fd = make_log(argc > 2 ? argv[2] : CORPUS "/toollog/success.debug", megabytes, path);
	double best = 0, best_grep = 0;
	struct rusage usage;

	for (int i = 0; fd >= 0 && i < ROUNDS; i++) {
		double ours = read_log(fd), theirs = run_grep(path);

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
