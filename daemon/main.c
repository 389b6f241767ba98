/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriaged: creates the parts, connects them, and runs the loop. */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "common/base/log.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "common/store/host_id_file.h"
#include "daemon/announcer.h"
#include "daemon/systemd.h"
#include "daemon/sources/usb.h"
#include "daemon/options.h"
#include "daemon/retention.h"
#include "daemon/ring_keeper.h"
#include "daemon/server/api.h"
#include "daemon/server/listen.h"
#include "daemon/sources/sources.h"
#include "daemon/status_report.h"

/* After a record: more records often follow at once. */
#define STATUS_DELAY_US (500 * USEC_PER_MSEC)
#define MAPPED_BYTES (64 * 1024) /* an allocation from here on has pages of its own */

/* All parts of the daemon, in the order of their creation. */
struct daemon {
	int argc;
	char **argv;
	struct options options;
	struct stamp started;
	struct loop *loop;
	struct loop_signal *signals[4];
	struct ring_keeper *ring_keeper;
	uint64_t damaged_records; /* of the ring, at the start */
	struct conditions *conditions;
	struct recorder *recorder;
	struct store store;
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct retention *retention;
	struct source_states source_states;
	struct api *api;
	struct listen_socket link_socket;
	struct sources *sources;
	struct announcer announcer;
	struct systemd *service;
	struct loop_timer *status_timer;
	bool status_due;
};

static void on_stop(void *user)
{
	struct daemon *daemon = user;

	loop_quit(daemon->loop, 0);
}

static struct status_parts status_parts(const struct daemon *daemon)
{
	return (struct status_parts){
		.store = &daemon->store,
		.diagnoser = daemon->diagnoser,
		.sources = &daemon->source_states,
		.started = daemon->started,
	};
}

static void on_dump(void *user)
{
	const struct daemon *daemon = user;
	const struct status_parts parts = status_parts(daemon);

	status_dump(&parts, clock_now());
}

static void on_status(void *user)
{
	struct daemon *daemon = user;
	const struct status_parts parts = status_parts(daemon);
	char line[STATUS_LINE_SIZE];

	daemon->status_due = false;
	status_line(&parts, line);
	systemd_status(daemon->service, "%s", line);
}

/* A recorder_observer. */
static void observe_status(void *user, const struct event *record)
{
	struct daemon *daemon = user;

	if (daemon->status_due)
		return;
	daemon->status_due = true;
	loop_timer_start(daemon->status_timer, STATUS_DELAY_US);
}

static struct retention_options retention_of(const struct options *options)
{
	return (struct retention_options){
		.records_days = options->keep_records_days,
		.attempts_days = options->keep_attempts_days,
	};
}

static struct api_limits limits_of(const struct options *options)
{
	return (struct api_limits){
		.casebook_bytes = options->casebook_bytes,
		.daily_bytes = options->daily_bytes,
	};
}

/* Puts new settings in force, except those that need a new start. Returns 0 or a negative errno. */
static int apply_options(struct daemon *daemon, const struct options *fresh)
{
	const struct retention_options retention = retention_of(fresh);
	const struct api_limits limits = limits_of(fresh);
	struct options *options = &daemon->options;

	options->keep_records_days = fresh->keep_records_days;
	options->keep_attempts_days = fresh->keep_attempts_days;
	options->budget_percent = fresh->budget_percent;
	options->queries = fresh->queries;
	options->casebook_bytes = fresh->casebook_bytes;
	options->daily_bytes = fresh->daily_bytes;
	retention_set(daemon->retention, &retention);
	api_set_limits(daemon->api, &limits);
	recorder_set_budget_percent(daemon->recorder, fresh->budget_percent);
	return sources_set_queries(daemon->sources, fresh->queries);
}

static void on_reload(void *user)
{
	static struct options fresh;
	struct daemon *daemon = user;
	int r;

	if (daemon->service)
		systemd_reloading(daemon->service);
	r = options_read(daemon->argc, daemon->argv, &fresh);
	if (r == 0)
		r = apply_options(daemon, &fresh);
	if (r < 0)
		log_error("Cannot reload the configuration: %s. The old settings remain in force.",
			strerror(-r));
	else if (options_need_restart(&daemon->options, &fresh))
		log_warning(
			"Reloaded the configuration. A change of socket, link-socket, state-dir, "
			"bench-name or ring-size needs a restart: systemctl restart "
			"idevicetriaged.");
	else
		log_info("Reloaded the configuration.");
	if (daemon->service)
		systemd_ready(daemon->service);
}

static int start_loop(struct daemon *daemon)
{
	static const struct {
		int number;
		loop_callback *callback;
	} signals[] = {
		{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_reload}, {SIGUSR1, on_dump}};
	int r = loop_new(&daemon->loop);

	_Static_assert(ARRAY_SIZE(signals) == ARRAY_SIZE(daemon->signals), "a place for each");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(signals); i++)
		r = loop_signal_new(daemon->loop, signals[i].number, signals[i].callback, daemon,
			&daemon->signals[i]);
	if (r == 0)
		r = loop_timer_new(daemon->loop, on_status, daemon, &daemon->status_timer);
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

/* Without the file, nobody can say after a restart whether this is the same computer; without a
 * machine id, the drawn half is enough. */
static void identify_computer(struct daemon *daemon)
{
	/* Only for tests and the demo: another computer, with the state of this one. */
	const char *played = getenv("IDEVICETRIAGE_HOST_ID");
	char machine[HOST_ID_HALF_SIZE];
	bool known = systemd_machine_id(machine, sizeof(machine)) == 0;
	int r;

	if (played && host_id_is_valid(played)) {
		text_copy(daemon->store.host_id, sizeof(daemon->store.host_id), played);
		return;
	}
	r = host_id_file_renew(
		daemon->options.state_dir, known ? machine : NULL, daemon->store.host_id);
	if (r < 0)
		log_warning("Cannot store the id of this computer in %s: %s. After a restart, the "
			    "diagnosis does not know whether it is the same computer.",
			daemon->options.state_dir, strerror(-r));
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
		.host_id = daemon->store.host_id,
		.budget_percent = daemon->options.budget_percent,
		.read_port = read_port,
	};
	int r = ring_keeper_new(daemon->loop, &ring, &daemon->ring_keeper);

	if (r < 0)
		return r;
	identify_computer(daemon);
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
		.casebook_bytes = daemon->options.casebook_bytes,
		.sink = record,
		.user = daemon,
	};
	const struct retention_options retention = retention_of(&daemon->options);
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
	daemon->damaged_records = cursor->loss.damaged;
	if (daemon->damaged_records)
		log_warning("Skipped damaged records of the ring: %" PRIu64 ".",
			daemon->damaged_records);
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
		.ring = ring_keeper_file(daemon->ring_keeper),
		.ring_bytes = daemon->options.ring_bytes,
		.damaged_records = daemon->damaged_records,
		.sources = &daemon->source_states,
		.limits = limits_of(&daemon->options),
	};

	return api_new(daemon->loop, &parts, &daemon->api);
}

/* Each record goes to these, in this order. */
static void add_observers(struct daemon *daemon)
{
	recorder_observe(daemon->recorder, ring_keeper_observe, daemon->ring_keeper);
	recorder_observe(daemon->recorder, source_states_observe, &daemon->source_states);
	recorder_observe(daemon->recorder, announcer_observe, &daemon->announcer);
	recorder_observe(daemon->recorder, api_observe, daemon->api);
	recorder_observe(daemon->recorder, diagnoser_observe, daemon->diagnoser);
	recorder_observe(daemon->recorder, sealer_observe, daemon->sealer);
	recorder_observe(daemon->recorder, observe_status, daemon);
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
	text_copy(event.by, sizeof(event.by), daemon->store.host_id);
	event_set_text(&event, text);
	recorder_feed(daemon->recorder, &event);
	recorder_resume(daemon->recorder, daemon->started);
	ring_keeper_report(daemon->ring_keeper);
	sealer_report(daemon->sealer);
}

static int start_listening(struct daemon *daemon)
{
	const char *path = daemon->options.socket;
	int fd = systemd_take_socket(SOCK_STREAM), r;

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

/* The socket for idevicetriage-link. Without it the daemon works all the same. */
static void open_link_socket(struct daemon *daemon)
{
	const char *path = daemon->options.link_socket;
	int fd = systemd_take_socket(SOCK_SEQPACKET), r = 0;

	daemon->link_socket.fd = -1;
	if (fd >= 0)
		r = listen_take(fd, &daemon->link_socket);
	else if (*path)
		r = listen_at(path, SOCK_SEQPACKET, &daemon->link_socket);
	if (r < 0)
		log_error("Cannot listen for idevicetriage-link on %s: %s. Errors of the USB link "
			  "are not recorded.",
			path, strerror(-r));
}

static int start_sources(struct daemon *daemon)
{
	const struct sources_options options = {
		.state_dir = daemon->options.state_dir,
		.usbmuxd_address = getenv("USBMUXD_SOCKET_ADDRESS"),
		.journal_dir = getenv("IDEVICETRIAGE_JOURNAL_DIR"),
		.queries = daemon->options.queries,
		.link_fd = daemon->link_socket.fd,
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
	daemon->announcer = (struct announcer){
		.bench = recorder_bench(daemon->recorder), .diagnoser = daemon->diagnoser};
	add_observers(daemon);
	record_start(daemon);
	return 0;
}

/* A systemd_is_healthy. The loop itself is healthy, because it asks. */
static bool is_healthy(void *user)
{
	const struct daemon *daemon = user;
	struct stamp now = clock_now();

	return !ring_keeper_hangs(daemon->ring_keeper, now) && !sealer_hangs(daemon->sealer, now);
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
	if (r == 0) {
		open_link_socket(daemon);
		r = start_sources(daemon);
	}
	if (r == 0)
		r = systemd_new(daemon->loop, is_healthy, daemon, &daemon->service);
	if (r < 0)
		return r;
	systemd_ready(daemon->service);
	on_status(daemon);
	log_info("idevicetriaged " VERSION " watches as %s.", daemon->options.bench_name);
	return 0;
}

static void daemon_done(struct daemon *daemon)
{
	if (daemon->service)
		systemd_stopping(daemon->service);
	sources_free(daemon->sources);
	if (daemon->link_socket.fd > 0)
		listen_close(&daemon->link_socket);
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
	loop_timer_free(daemon->status_timer);
	for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
		loop_signal_free(daemon->signals[i]);
	loop_free(daemon->loop);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	int r = options_read(argc, argv, &daemon.options);

	process_hold_streams();
	process_keep_children();
	daemon.argc = argc;
	daemon.argv = argv;
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
