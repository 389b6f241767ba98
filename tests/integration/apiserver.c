/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's API over a ring in memory, for test_api.py.
 *
 *   apiserver (--socket PATH | --fd N) [--ring BYTES]
 *
 * Commands come on standard input, a line each, and are answered with "done":
 *   publish COUNT BYTES   records notes with texts of that length
 *   break                 the records cannot be read from now on
 * The end of the input ends it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/loop.h"
#include "tests/integration/api_rig.h"

#define RING_BYTES_DEFAULT (32u << 20)

struct program {
	struct loop *loop;
	struct api_rig *rig;
	struct loop_io *input;
	const char *socket;
	int fd;
	uint64_t ring_bytes;
	char line[256];
	size_t length;
};

static void obey(struct program *program, const char *line)
{
	size_t count, bytes;

	if (sscanf(line, "publish %zu %zu", &count, &bytes) == 2)
		api_rig_publish(program->rig, count, bytes);
	else if (strcmp(line, "break") == 0)
		api_rig_break(program->rig);
	puts("done");
	fflush(stdout);
}

static void told(void *user, unsigned ready)
{
	struct program *program = user;
	ssize_t n = read(STDIN_FILENO, program->line + program->length,
		sizeof(program->line) - program->length - 1);
	char *end;

	if (n <= 0) {
		loop_quit(program->loop, 0);
		return;
	}
	program->length += (size_t)n;
	program->line[program->length] = '\0';
	while ((end = strchr(program->line, '\n'))) {
		*end = '\0';
		obey(program, program->line);
		program->length -= (size_t)(end + 1 - program->line);
		memmove(program->line, end + 1, program->length + 1);
	}
}

static int read_options(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
		{"fd", required_argument, NULL, 'f'}, {"ring", required_argument, NULL, 'r'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			program->socket = optarg;
			break;
		case 'f':
			program->fd = atoi(optarg);
			break;
		case 'r':
			program->ring_bytes = strtoull(optarg, NULL, 10);
			break;
		default:
			return -EINVAL;
		}
	}
	return program->socket || program->fd >= 0 ? 0 : -EINVAL;
}

static int serve(struct program *program)
{
	struct server *server;
	int r = api_rig_new(program->loop, program->ring_bytes, &program->rig);

	if (r < 0)
		return r;
	server = api_server(api_rig_api(program->rig));
	r = program->socket ? server_listen(server, program->socket)
			    : server_listen_fd(server, program->fd);
	if (r >= 0)
		r = loop_watch(
			program->loop, STDIN_FILENO, LOOP_READ, told, program, &program->input);
	if (r < 0)
		return r;
	puts("ready");
	fflush(stdout);
	return loop_run(program->loop);
}

int main(int argc, char **argv)
{
	struct program program = {.fd = -1, .ring_bytes = RING_BYTES_DEFAULT};
	int r = read_options(&program, argc, argv);

	if (r >= 0)
		r = loop_new(&program.loop);
	if (r >= 0)
		r = serve(&program);
	if (r < 0)
		fprintf(stderr, "apiserver: %s\n", strerror(-r));
	loop_io_free(program.input);
	api_rig_free(program.rig);
	loop_free(program.loop);
	return r < 0;
}
