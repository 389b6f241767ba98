/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriaged: creates the parts, connects them, and runs the loop. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "daemon/systemd.h"
#include "daemon/sources/usb.h"
#include "daemon/options.h"
#include "daemon/retention.h"
#include "daemon/ring_keeper.h"
#include "daemon/server/api.h"
#include "daemon/sources/sources.h"

#define MAPPED_BYTES (64 * 1024) /* an allocation from here on has pages of its own */

/* All parts of the daemon, in the order of their creation. */
struct daemon {
	struct options options;
	struct stamp started;
	struct loop *loop;
	struct loop_signal *signals[2];
	struct ring_keeper *ring_keeper;
	struct conditions *conditions;
	struct recorder *recorder;
	struct store store;
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct retention *retention;
	struct source_states source_states;
	struct api *api;
	struct sources *sources;
	struct systemd *service;
};

static void on_signal(void *user)
{
	struct daemon *daemon = user;

	loop_quit(daemon->loop, 0);
}

static int start_loop(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	int r = loop_new(&daemon->loop);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = loop_signal_new(
			daemon->loop, numbers[i], on_signal, daemon, &daemon->signals[i]);
	return r;
}

static void record(void *user, const struct event *event)
{
	struct daemon *daemon = user;

	recorder_feed(daemon->recorder, event);
}

static void on_ring_replaced(void *user)
{
	struct daemon *daemon = user;

	sealer_rewind(daemon->sealer);
}

static bool read_port(void *user, const char *port, struct port_facts *ret)
{
	return usb_port_read(port, ret);
}

static int start_recorder(struct daemon *daemon)
{
	const struct ring_keeper_options ring = {
		.state_dir = daemon->options.state_dir,
		.bytes = daemon->options.ring_bytes,
		.sink = record,
		.on_replaced = on_ring_replaced,
		.user = daemon,
	};
	struct recorder_options options = {
		.bench_name = daemon->options.bench_name,
		.budget_percent = daemon->options.budget_percent,
		.read_port = read_port,
	};
	int r = ring_keeper_new(daemon->loop, &ring, &daemon->ring_keeper);

	if (r < 0)
		return r;
	options.ring = ring_keeper_ring(daemon->ring_keeper);
	options.conditions = daemon->conditions = conditions_new();
	if (!daemon->conditions)
		return -ENOMEM;
	r = recorder_new(daemon->loop, &options, &daemon->recorder);
	if (r < 0)
		return r;
	text_copy(daemon->store.bench_name, sizeof(daemon->store.bench_name),
		daemon->options.bench_name);
	daemon->store.conditions = daemon->conditions;
	daemon->store.bench = recorder_bench(daemon->recorder);
	daemon->store.reader = ring_keeper_reader(daemon->ring_keeper);
	return 0;
}

static int start_judgement(struct daemon *daemon)
{
	struct sealer_options sealer = {
		.state_dir = daemon->options.state_dir,
		.store = &daemon->store,
		.conditions = daemon->conditions,
		.sink = record,
		.user = daemon,
	};
	const struct retention_options retention = {
		.records_days = daemon->options.keep_records_days,
		.attempts_days = daemon->options.keep_attempts_days,
	};
	int r = diagnoser_new(daemon->loop, &daemon->store, record, daemon, &daemon->diagnoser);

	sealer.diagnoser = daemon->diagnoser;
	if (r == 0)
		r = sealer_new(daemon->loop, &sealer, &daemon->sealer);
	if (r == 0)
		r = retention_new(daemon->loop, &retention, daemon->sealer, &daemon->retention);
	return r;
}

static int replay_ring(struct daemon *daemon)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, daemon->store.reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		struct event event;

		if (store_read_record(&record, &event) < 0)
			continue;
		recorder_replay(daemon->recorder, &event);
		diagnoser_replay(daemon->diagnoser, &event);
	}
	recorder_drop_partial(daemon->recorder, store_is_kept, &daemon->store);
	return r;
}

static int start_api(struct daemon *daemon)
{
	const struct api_parts parts = {
		.version = VERSION,
		.started = daemon->started,
		.state_dir = daemon->options.state_dir,
		.store = &daemon->store,
		.recorder = daemon->recorder,
		.conditions = daemon->conditions,
		.diagnoser = daemon->diagnoser,
		.sealer = daemon->sealer,
		.ring = ring_keeper_ring(daemon->ring_keeper),
		.ring_bytes = daemon->options.ring_bytes,
		.damaged_records = ring_keeper_damaged(daemon->ring_keeper),
		.sources = &daemon->source_states,
	};

	return api_new(daemon->loop, &parts, &daemon->api);
}

/* Each record goes to these, in this order. */
static void add_observers(struct daemon *daemon)
{
	recorder_observe(daemon->recorder, ring_keeper_observe, daemon->ring_keeper);
	recorder_observe(daemon->recorder, source_states_observe, &daemon->source_states);
	recorder_observe(daemon->recorder, api_observe, daemon->api);
	recorder_observe(daemon->recorder, diagnoser_observe, daemon->diagnoser);
	recorder_observe(daemon->recorder, sealer_observe, daemon->sealer);
}

static void record_start(struct daemon *daemon)
{
	struct event event = {.at = daemon->started, .kind = EVENT_BENCH, .source = SOURCE_DAEMON};
	struct utsname system;
	char text[256];

	uname(&system);
	snprintf(text, sizeof(text), "idevicetriaged " VERSION " on %s %s", system.sysname,
		system.release);
	text_copy(event.name, sizeof(event.name), daemon->options.bench_name);
	event_set_text(&event, text);
	recorder_feed(daemon->recorder, &event);
	recorder_resume(daemon->recorder, daemon->started);
	ring_keeper_report(daemon->ring_keeper);
	sealer_report(daemon->sealer);
}

static int start_listening(struct daemon *daemon)
{
	const char *path = daemon->options.socket;
	int fd = systemd_take_socket(), r;

	r = fd >= 0	    ? server_listen_fd(api_server(daemon->api), fd)
	    : fd == -ENOENT ? server_listen(api_server(daemon->api), path)
			    : fd;
	if (r == -EADDRINUSE)
		log_error("Cannot listen on %s: another idevicetriaged listens there.", path);
	else if (r < 0)
		log_error("Cannot listen on %s: %s. Check that its folder exists and that this "
			  "user may write to it.",
			path, strerror(-r));
	return r;
}

static int start_sources(struct daemon *daemon)
{
	const struct sources_options options = {
		.state_dir = daemon->options.state_dir,
		.usbmuxd_address = getenv("USBMUXD_SOCKET_ADDRESS"),
		.journal_dir = getenv("IDEVICETRIAGE_JOURNAL_DIR"),
		.queries = daemon->options.queries,
	};

	return sources_new(
		daemon->loop, &options, daemon->recorder, &daemon->source_states, &daemon->sources);
}

static int start_recording(struct daemon *daemon)
{
	int r = start_recorder(daemon);

	if (r == 0)
		r = start_judgement(daemon);
	if (r == 0)
		r = replay_ring(daemon);
	if (r == 0)
		r = start_api(daemon);
	if (r < 0)
		return r;
	add_observers(daemon);
	record_start(daemon);
	return 0;
}

static int daemon_start(struct daemon *daemon)
{
	int r;

	daemon->started = clock_now();
	r = start_loop(daemon);
	if (r == 0)
		r = start_recording(daemon);
	if (r == 0)
		r = start_listening(daemon);
	if (r == 0)
		r = start_sources(daemon);
	if (r == 0)
		r = systemd_new(daemon->loop, &daemon->service);
	if (r < 0)
		return r;
	systemd_ready(daemon->service);
	systemd_status(daemon->service, "Watching as %s", daemon->options.bench_name);
	log_info("idevicetriaged " VERSION " watches as %s.", daemon->options.bench_name);
	return 0;
}

static void daemon_done(struct daemon *daemon)
{
	if (daemon->service)
		systemd_stopping(daemon->service);
	sources_free(daemon->sources);
	systemd_free(daemon->service);
	/* Sessions that have just ended are diagnosed and sealed before the exit. */
	if (daemon->sealer)
		sealer_finish(daemon->sealer);
	api_free(daemon->api);
	retention_free(daemon->retention);
	sealer_free(daemon->sealer);
	diagnoser_free(daemon->diagnoser);
	recorder_free(daemon->recorder);
	conditions_free(daemon->conditions);
	ring_keeper_free(daemon->ring_keeper);
	for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
		loop_signal_free(daemon->signals[i]);
	loop_free(daemon->loop);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int r = options_read(argc, argv, &daemon.options);

	if (r != 0)
		return r < 0 ? 2 : 0;
	if (daemon.options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	/* Large tables are mapped: what is not in use takes no memory. */
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	/* Exceeding the file size limit is an error to report, and must not kill the daemon. */
	signal(SIGXFSZ, SIG_IGN);
	r = daemon_start(&daemon);
	if (r == 0)
		r = loop_run(daemon.loop);
	if (r < 0)
		log_error("idevicetriaged stops: %s.", strerror(-r));
	if (daemon.loop)
		log_debug("The loop's longest stall was %llu us.",
			(unsigned long long)loop_longest_stall_us(daemon.loop));
	daemon_done(&daemon);
	return r < 0 ? 1 : r;
}
