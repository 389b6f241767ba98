/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriage-link: reports to the daemon what the USB bus shows of a restore. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "daemon/sources/usb.h"
#include "link/follower.h"
#include "link/uplink.h"

#define SOCKET_PATH "/run/idevicetriage/link"
#define TRACE_PATH "/run/idevicetriage-link-trace"

static const char usage[] =
	"Usage: idevicetriage-link [OPTION...]\n"
	"Reads the USB transfers of phones in a restore, and reports errors, silences\n"
	"and the restore's progress to idevicetriaged.\n"
	"\n"
	"  --all-modes             read phones in normal mode too\n"
	"  --socket PATH           the daemon's socket (default\n"
	"                          " SOCKET_PATH ")\n"
	"  --trace PATH            trace_pipe with the errors that the kernel corrects\n"
	"                          (default " TRACE_PATH ")\n"
	"  -v, --verbose           log more\n"
	"  -h, --help; -V, --version\n"
	"\n"
	"The service idevicetriage-link runs this program: idevicetriage-link(8).\n";

struct program {
	const char *socket;
	const char *trace;
	bool all_modes;
	struct loop *loop;
	struct loop_signal *signals[2];
	struct uplink *uplink;
	struct follower *follower;
	struct usb *usb;
};

static void on_signal(void *user)
{
	struct program *program = user;

	loop_quit(program->loop, 0);
}

static void set_state(void *user, int code, const char *reason)
{
	struct program *program = user;

	uplink_set_state(program->uplink, code, reason);
}

static void send_event(void *user, const struct event *event)
{
	struct program *program = user;

	uplink_send(program->uplink, event);
}

static void set_running(void *user, const char *port)
{
	struct program *program = user;

	follower_set_running(program->follower, port);
}

static void handle_usb_event(void *user, const struct event *event)
{
	struct program *program = user;

	follower_handle_usb_event(program->follower, event);
}

static int start(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	const struct follower_options follower = {
		.all_modes = program->all_modes,
		.trace = program->trace,
		.state = set_state,
		.sink = send_event,
		.user = program,
	};
	int r = loop_new(&program->loop);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = loop_signal_new(
			program->loop, numbers[i], on_signal, program, &program->signals[i]);
	if (r == 0)
		r = uplink_new(
			program->loop, program->socket, set_running, program, &program->uplink);
	if (r == 0)
		r = follower_new(program->loop, &follower, &program->follower);
	if (r == 0)
		r = usb_new(program->loop, handle_usb_event, program, &program->usb);
	return r;
}

static void finish(struct program *program)
{
	usb_free(program->usb);
	follower_free(program->follower);
	uplink_free(program->uplink);
	for (size_t i = 0; i < ARRAY_SIZE(program->signals); i++)
		loop_signal_free(program->signals[i]);
	loop_free(program->loop);
}

/* Returns 0, 1 if it printed the help or the version, or -EINVAL. */
static int read_options(int argc, char **argv, struct program *program)
{
	static const struct option options[] = {
		{"all-modes", no_argument, NULL, 'a'},
		{"socket", required_argument, NULL, 's'},
		{"trace", required_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "hVv", options, NULL)) != -1) {
		if (option == 'a')
			program->all_modes = true;
		else if (option == 's')
			program->socket = optarg;
		else if (option == 't')
			program->trace = optarg;
		else if (option == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else if (option == '?')
			return -EINVAL;
		else
			return puts(option == 'h' ? usage : "idevicetriage-link " VERSION), 1;
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "idevicetriage-link: %s is not an option; see idevicetriage-link --help\n",
		argv[optind]);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	static struct program program = {.socket = SOCKET_PATH, .trace = TRACE_PATH};
	int r = read_options(argc, argv, &program);

	process_hold_streams();
	if (r != 0)
		return r < 0 ? 2 : 0;
	r = start(&program);
	if (r == 0)
		r = loop_run(program.loop);
	if (r < 0)
		log_error("Cannot run: %s.", strerror(-r));
	finish(&program);
	return r < 0 ? 1 : r;
}
