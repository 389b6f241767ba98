/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetStatus of a running daemon beside a bare libevent echo, and beside the least that a server
 * with json-c does, over sockets of the same kind: round trips in turns, so that all see the same
 * machine, and the servers' processor time.
 * Usage: bench_status SOCKET PID_OF_DAEMON */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <json-c/json_tokener.h>

#include "common/base/clock.h"

#define ROUNDS 40
#define CALLS 1000     /* of each kind in a round */
#define TEXT_BYTES 735 /* of an answer */
#define PIPELINED 64
#define PIPELINE_ROUNDS 200

static const char request[] = "{\"method\":\"io.github.idevicetriage.GetStatus\"}";

static void die(const char *what)
{
	fprintf(stderr, "bench_status: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void echo(struct bufferevent *socket, void *user)
{
	bufferevent_write_buffer(socket, bufferevent_get_input(socket));
}

/* Reads the call with json-c, and answers with a text that is as long as the daemon's. */
static void answer(struct bufferevent *socket, void *user)
{
	char *line = evbuffer_readln(bufferevent_get_input(socket), NULL, EVBUFFER_EOL_NUL);

	if (!line)
		return;
	json_object_put(json_tokener_parse(line));
	free(line);
	bufferevent_write(socket, user, strlen(user) + 1);
}

/* Returns the other end; *ret_pid is the process that serves. */
static int start_server(bufferevent_data_cb serve, char *text, pid_t *ret_pid)
{
	struct bufferevent *socket;
	struct event_base *base;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		die("socketpair");
	*ret_pid = fork();
	if (*ret_pid < 0)
		die("fork");
	if (*ret_pid > 0) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	base = event_base_new();
	evutil_make_socket_nonblocking(ends[1]);
	socket = bufferevent_socket_new(base, ends[1], 0);
	bufferevent_setcb(socket, serve, NULL, NULL, text);
	bufferevent_enable(socket, EV_READ | EV_WRITE);
	event_base_dispatch(base);
	_exit(0);
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

/* One message there and one back, both ended by NUL. Returns the bytes of the answer. */
static size_t call(int fd)
{
	char answer[65536];
	size_t length = 0;

	if (write(fd, request, sizeof(request)) != sizeof(request))
		die("write");
	do {
		ssize_t n = read(fd, answer + length, sizeof(answer) - length);

		if (n <= 0)
			die("read");
		length += (size_t)n;
	} while (answer[length - 1] != '\0');
	return length;
}

/* Many calls at once, as a program sends them that does not wait. Returns how many a second. */
static double pipeline(int fd)
{
	static char requests[PIPELINED * sizeof(request)], answers[65536];
	uint64_t began_us = clock_now().monotonic_us;

	for (size_t i = 0; i < PIPELINED; i++)
		memcpy(requests + i * sizeof(request), request, sizeof(request));
	for (unsigned round = 0; round < PIPELINE_ROUNDS; round++) {
		size_t left = PIPELINED;

		if (write(fd, requests, sizeof(requests)) != sizeof(requests))
			die("write");
		while (left > 0) {
			ssize_t n = read(fd, answers, sizeof(answers));

			if (n <= 0)
				die("read");
			for (ssize_t i = 0; i < n; i++)
				left -= answers[i] == '\0';
		}
	}
	return PIPELINED * PIPELINE_ROUNDS * 1e6 / (double)(clock_now().monotonic_us - began_us);
}

static uint64_t processor_ns(pid_t pid)
{
	uint64_t ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%" SCNu64, &ns) != 1)
		die(path);
	fclose(file);
	return ns;
}

struct server {
	int fd;
	pid_t pid;
	double best_us;	 /* a round trip, in the quietest round */
	double spent_us; /* of its processor, a call */
	size_t length;	 /* of its answer */
};

static void play(struct server *server)
{
	uint64_t spent_ns = processor_ns(server->pid), began_us = clock_now().monotonic_us;
	double us;

	for (unsigned i = 0; i < CALLS; i++)
		server->length = call(server->fd);
	us = (double)(clock_now().monotonic_us - began_us) / CALLS;
	if (server->best_us == 0 || us < server->best_us)
		server->best_us = us;
	server->spent_us += (double)(processor_ns(server->pid) - spent_ns) / 1e3 / CALLS / ROUNDS;
}

int main(int argc, char **argv)
{
	struct server bare = {0}, least = {0}, status = {0};
	char text[TEXT_BYTES + 1];

	if (argc != 3) {
		fputs("Usage: bench_status SOCKET PID\n", stderr);
		return 2;
	}
	memset(text, 'x', TEXT_BYTES);
	text[TEXT_BYTES] = '\0';
	bare.fd = start_server(echo, NULL, &bare.pid);
	least.fd = start_server(answer, text, &least.pid);
	status.fd = dial(argv[1]);
	status.pid = (pid_t)atoi(argv[2]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		play(&bare);
		play(&least);
		play(&status);
	}
	kill(bare.pid, SIGKILL);
	kill(least.pid, SIGKILL);
	printf("pipelined: %.0f status calls a second\n", pipeline(status.fd));
	printf("status: %.1f us a round trip (%zu bytes), %.1f us of the daemon's processor\n",
		status.best_us, status.length, status.spent_us);
	printf("  bare libevent echo in turns with it: %.1f us and %.1f us\n", bare.best_us,
		bare.spent_us);
	printf("  ratio: %.2f of the round trips, %.2f of the processor\n",
		status.best_us / bare.best_us, status.spent_us / bare.spent_us);
	printf("| status call, beside a bare libevent echo | %.2f | <= 1.3 | %s | json-c reads "
	       "the call |\n",
		status.best_us / bare.best_us, status.best_us <= 1.3 * bare.best_us ? "yes" : "no");
	printf("| the same, beside one that reads the call with json-c and sends a fixed answer | "
	       "%.2f | - | - | - |\n",
		status.best_us / least.best_us);
	return 0;
}
