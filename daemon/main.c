/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriaged: joins sources, engine, ring and API by function pointers, and runs the loop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/triage/query.h"
#include "daemon/api/api.h"
#include "daemon/archive.h"
#include "daemon/io/journal.h"
#include "daemon/io/kmsg.h"
#include "daemon/io/phone.h"
#include "daemon/io/ring_file.h"
#include "daemon/io/service.h"
#include "daemon/io/usb.h"
#include "daemon/io/usb_port.h"
#include "daemon/io/usbmux.h"
#include "daemon/options.h"
#include "daemon/surface.h"

#define SYNC_PERIOD_US (1 * USEC_PER_SEC)
#define TICK_PERIOD_US (500 * USEC_PER_MSEC)
#define VERDICT_DELAY_US (100 * USEC_PER_MSEC)
#define ARCHIVE_DELAY_US (200 * USEC_PER_MSEC)
#define EXPIRE_PERIOD_US (3600 * USEC_PER_SEC)
#define DAY_US (86400 * USEC_PER_SEC)
#define QUIET_DAYS 7 /* without an attempt, which still count for the age of what is kept */
#define ARCHIVE_RETRY_US (5 * USEC_PER_SEC)
#define RING_FILE_NAME "ring"
#define CURSOR_FILE_NAME "journal-cursor"

/* Everything that lives as long as the daemon; freed in the order of daemon_done(). */
struct daemon {
	struct options options;
	struct loop *loop;
	struct ring_file *ring_file;
	struct engine *engine;
	struct archive *archive;
	struct standing *standing;
	struct verdicts *verdicts;
	struct surface surface;
	struct api *api;
	struct usb *usb;
	struct usbmux *usbmux;
	struct journal *journal;
	struct phone *phone; /* only where phones may be asked */
	struct query_policy query_policy;
	struct kmsg *kmsg; /* only while the journal cannot be read */
	struct service *service;
	struct loop_timer *sync_timer;
	struct loop_timer *tick_timer;
	struct loop_timer *archive_timer;
	struct loop_timer *verdict_timer;
	struct loop_timer *expire_timer;
	struct loop_signal *signals[2];
	bool sync_due;	   /* the sync timer runs */
	bool tick_due;	   /* the tick timer runs */
	bool archive_due;  /* the archive timer runs */
	bool verdict_due;  /* the verdict timer runs */
	bool sync_broke;   /* the last sync failed, and was told */
	int archive_error; /* what keeps the casebook from being used, and was told; 0 = nothing */
};

static uint64_t append_record(void *user, const struct event *event)
{
	struct daemon *daemon = user;
	static uint8_t payload[EVENT_BYTES_MAX];
	struct ring_fields fields = {
		.at = event->at, .session = event->session, .kind = (uint16_t)event->kind};
	size_t length = event_encode(event, payload);
	int64_t sequence = ring_append(ring_file_ring(daemon->ring_file), &fields, payload, length);

	if (sequence < 0) {
		log_error("The ring takes no more records: %s.", strerror((int)-sequence));
		return 0;
	}
	if (!daemon->sync_due) {
		daemon->sync_due = true;
		loop_timer_start(daemon->sync_timer, SYNC_PERIOD_US);
	}
	if (!daemon->tick_due) {
		daemon->tick_due = true;
		loop_timer_start(daemon->tick_timer, TICK_PERIOD_US);
	}
	if (!daemon->archive_due) {
		daemon->archive_due = true;
		loop_timer_start(daemon->archive_timer, ARCHIVE_DELAY_US);
	}
	return (uint64_t)sequence;
}

static void publish_record(void *user, const struct event *event)
{
	struct daemon *daemon = user;

	if (daemon->api)
		api_publish(daemon->api, event);
	if (daemon->verdicts)
		verdicts_note(daemon->verdicts, event);
}

static void tell_verdict(void *user, const struct event *event)
{
	struct daemon *daemon = user;

	engine_feed(daemon->engine, event);
}

static void wake_verdicts(void *user)
{
	struct daemon *daemon = user;

	if (daemon->verdict_due)
		return;
	daemon->verdict_due = true;
	loop_timer_start(daemon->verdict_timer, VERDICT_DELAY_US);
}

static void on_verdicts(void *user)
{
	struct daemon *daemon = user;

	daemon->verdict_due = verdicts_advance(daemon->verdicts, clock_now());
	if (daemon->verdict_due)
		loop_timer_start(daemon->verdict_timer, 0);
}

/* Where the ring's file was taken away, it gets a new one; the folder too. */
static int mend_ring(struct daemon *daemon)
{
	char path[PATH_MAX + sizeof(RING_FILE_NAME) + 1];
	int r;

	snprintf(path, sizeof(path), "%s/%s", daemon->options.state_dir, RING_FILE_NAME);
	r = ring_file_mend(daemon->ring_file, path, clock_now());
	if (r == -ENOENT && mkdir(daemon->options.state_dir, 0750) == 0)
		r = ring_file_mend(daemon->ring_file, path, clock_now());
	if (r > 0) {
		log_warning("%s was removed or cut short. A new one was begun with the records "
			    "that were left.",
			path);
		archive_rewind(daemon->archive);
	}
	return r;
}

/* Tells once that the ring can or cannot be brought to the disk. */
static void note_ring(struct daemon *daemon, int error)
{
	struct event source = {.kind = EVENT_SOURCE, .name = "ring", .code = error};

	if (daemon->sync_broke == (error < 0))
		return;
	daemon->sync_broke = error < 0;
	if (error < 0) {
		event_set_text(&source,
			error == -ESTALE ? "another file was put in its place" : strerror(-error));
		log_error("%s/%s can't be brought to the disk: %s. Records are kept in memory.",
			daemon->options.state_dir, RING_FILE_NAME, source.text);
	}
	surface_note_source(&daemon->surface, &source);
}

static void on_sync(void *user)
{
	struct daemon *daemon = user;
	int r = mend_ring(daemon);

	if (r >= 0)
		r = ring_file_sync(daemon->ring_file);
	daemon->sync_due = false;
	note_ring(daemon, r);
}

static bool read_port(void *user, const char *port, struct port_facts *ret)
{
	return usb_port_read(port, ret);
}

static void on_tick(void *user)
{
	struct daemon *daemon = user;
	struct stamp now = clock_now();

	engine_look(daemon->engine, now, read_port, NULL);
	daemon->tick_due = engine_tick(daemon->engine, now) != 0;
	if (daemon->tick_due)
		loop_timer_start(daemon->tick_timer, TICK_PERIOD_US);
}

/* Tells once that the casebook can or cannot be used. */
static void note_casebook(struct daemon *daemon, int error)
{
	struct event source = {.kind = EVENT_SOURCE, .name = "casebook", .code = error};

	if (error < 0)
		event_set_text(&source, error == -EPROTONOSUPPORT
						? "it is of a later version of this program"
						: strerror(-error));
	surface_note_source(&daemon->surface, &source);
	if (error < 0 && error != daemon->archive_error)
		log_error("%s/" CASEBOOK_NAME " can't be used: %s. Sessions stay in the ring "
			  "alone until it can.",
			daemon->options.state_dir, source.text);
	else if (!error && daemon->archive_error)
		log_info("%s/" CASEBOOK_NAME " can be used again.", daemon->options.state_dir);
	daemon->archive_error = error;
}

static int open_casebook(struct daemon *daemon)
{
	struct casebook_report report;
	int r = archive_open(daemon->archive, &report);

	if (r == 0 && report.set_aside)
		log_warning("%s/" CASEBOOK_NAME " was damaged. It is now " CASEBOOK_NAME
			    ".bad, and a new one was begun.",
			daemon->options.state_dir);
	if (r == 0 && report.opened)
		r = standing_load(daemon->standing, archive_history(daemon->archive)->book);
	if (r == 0)
		r = standing_keep(daemon->standing, archive_file(daemon->archive), clock_now());
	return r;
}

static void on_archive(void *user)
{
	struct daemon *daemon = user;
	int r = open_casebook(daemon);

	if (r == 0)
		r = archive_advance(daemon->archive, clock_now());
	note_casebook(daemon, r < 0 ? r : 0);
	daemon->archive_due = r != 0;
	if (r != 0)
		loop_timer_start(daemon->archive_timer, r < 0 ? ARCHIVE_RETRY_US : 0);
}

/* So many days before the moment; 0 where nothing is to expire. */
static uint64_t days_before(uint64_t moment_us, uint32_t days)
{
	uint64_t span_us = days * DAY_US;

	return days && moment_us > span_us ? moment_us - span_us : 0;
}

/* A clock that is set years ahead must not erase what is kept: what lies between the newest attempt
 * and now counts as a week at most. */
static int expire(struct daemon *daemon, struct casebook_file *file)
{
	uint64_t newest_us = 0, now_us = clock_now().wall_us;
	int r = casebook_file_newest(file, &newest_us);

	if (r < 0)
		return r;
	if (now_us > newest_us + QUIET_DAYS * DAY_US)
		now_us = newest_us + QUIET_DAYS * DAY_US;
	return casebook_file_expire(file, days_before(now_us, daemon->options.keep_records_days),
		days_before(now_us, daemon->options.keep_attempts_days));
}

static void on_expire(void *user)
{
	struct daemon *daemon = user;
	struct casebook_file *file = archive_file(daemon->archive);
	int r = file ? expire(daemon, file) : 0;

	loop_timer_start(daemon->expire_timer, r > 0 ? 0 : EXPIRE_PERIOD_US);
}

static void on_signal(void *user)
{
	struct daemon *daemon = user;

	loop_quit(daemon->loop, 0);
}

static void take_event(void *user, const struct event *event);

static bool find_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	struct daemon *daemon = user;

	return daemon->usb && usb_find_place(daemon->usb, bus, address, ret);
}

/* Where there is no journal, the kernel's own log tells at least of the kernel's errors. */
static void replace_journal(struct daemon *daemon, bool replace)
{
	const struct kmsg_options options = {.find_place = find_place, .find_place_user = daemon};

	if (!replace) {
		daemon->kmsg = kmsg_free(daemon->kmsg);
		surface_forget_source(&daemon->surface, "kmsg");
	} else if (!daemon->kmsg &&
		   kmsg_new(daemon->loop, &options, take_event, daemon, &daemon->kmsg) < 0) {
		log_error("The kernel's log can't be read: no memory.");
	}
}

/* Asks a phone that has just come, if that is allowed and does no harm. */
static void ask_phone(struct daemon *daemon, const struct event *event)
{
	unsigned asks;

	if (!daemon->phone)
		return;
	if (event->kind == EVENT_MUX_ATTACH) {
		asks = query_due(engine_bench(daemon->engine), &daemon->query_policy, event);
		if (asks)
			phone_ask(daemon->phone, event->udid, asks, event->at);
	} else if (event->kind == EVENT_DETACH ||
		   (event->kind == EVENT_MUX_DETACH && event->code == 0)) {
		phone_forget(daemon->phone, event->udid);
	}
}

/* Takes what the sources see. */
static void take_event(void *user, const struct event *event)
{
	struct daemon *daemon = user;

	ask_phone(daemon, event);
	if (event->kind == EVENT_SOURCE) {
		surface_note_source(&daemon->surface, event);
		if (text_equal(event->name, "journal"))
			replace_journal(daemon, event->code != 0);
	}
	if (event->kind == EVENT_ATTACH && daemon->usbmux)
		usbmux_wake(daemon->usbmux);
	engine_feed(daemon->engine, event);
}

static void tell_ring(const char *path, const struct ring_file_report *report)
{
	if (report->origin == RING_FILE_SET_ASIDE)
		log_warning(
			"%s could not be read (%s). It is now %s.bad, and a new ring was begun.",
			path, report->reason == -EBADMSG ? "damaged" : "of a later version", path);
	if (report->loss.damaged)
		log_warning("%s: %llu damaged records were passed over.", path,
			(unsigned long long)report->loss.damaged);
	if (report->origin == RING_FILE_OPENED && report->reason < 0)
		log_warning("%s keeps its size: %s.", path, strerror(-report->reason));
}

/* A ring that can't be had on disk is no reason not to watch: a bench without memory is better than
 * none. But two daemons on one ring are a mistake. */
static int open_ring(struct daemon *daemon)
{
	char path[PATH_MAX + sizeof(RING_FILE_NAME) + 1];
	struct event source = {.at = clock_now(), .kind = EVENT_SOURCE, .name = "ring"};
	struct ring_file_report report = {0};
	int r;

	snprintf(path, sizeof(path), "%s/%s", daemon->options.state_dir, RING_FILE_NAME);
	if (mkdir(daemon->options.state_dir, 0750) < 0 && errno != EEXIST) {
		r = -errno;
	} else {
		r = ring_file_open(
			path, daemon->options.ring_bytes, clock_now(), &report, &daemon->ring_file);
	}
	if (r == -EBUSY) {
		log_error(
			"%s is in use by another idevicetriaged. Stop that one, or choose another "
			"--state-dir.",
			path);
		return r;
	}
	if (r < 0) {
		log_error("%s can't be used: %s. Records are kept in memory and lost at the end.",
			path, strerror(-r));
		source.code = r;
		event_set_text(&source, "no disk: records are lost when the daemon ends");
		r = ring_file_open_memory(
			daemon->options.ring_bytes, clock_now(), &daemon->ring_file);
		if (r < 0)
			return r;
	}
	tell_ring(path, &report);
	surface_note_source(&daemon->surface, &source);
	daemon->surface.damaged_records = report.loss.damaged;
	return 0;
}

static int replay_ring(struct daemon *daemon)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, daemon->surface.reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		struct event event;

		if (history_read_record(&record, &event) < 0)
			continue;
		engine_replay(daemon->engine, &event);
		verdicts_replay(daemon->verdicts, &event);
	}
	return r;
}

static void record_start(struct daemon *daemon)
{
	struct event event = {
		.at = daemon->surface.started, .kind = EVENT_BENCH, .source = SOURCE_DAEMON};
	struct utsname system;
	char text[256];

	uname(&system);
	snprintf(text, sizeof(text), "idevicetriaged " VERSION " on %s %s", system.sysname,
		system.release);
	text_copy(event.name, sizeof(event.name), daemon->options.bench_name);
	event_set_text(&event, text);
	engine_feed(daemon->engine, &event);
	engine_resume(daemon->engine, daemon->surface.started);
}

static int start_archive(struct daemon *daemon)
{
	const struct verdicts_outputs verdict_outputs = {tell_verdict, wake_verdicts, daemon};
	char path[PATH_MAX + sizeof(CASEBOOK_NAME) + 1];

	snprintf(path, sizeof(path), "%s/" CASEBOOK_NAME, daemon->options.state_dir);
	daemon->archive = archive_new(path, engine_bench(daemon->engine), daemon->surface.reader);
	if (!daemon->archive)
		return -ENOMEM;
	daemon->surface.archive = daemon->archive;
	daemon->surface.history = archive_history(daemon->archive);
	daemon->verdicts = daemon->surface.verdicts =
		verdicts_new(daemon->surface.history, &verdict_outputs);
	if (!daemon->verdicts)
		return -ENOMEM;
	note_casebook(daemon, open_casebook(daemon));
	return 0;
}

/* What the ring has and the casebook not yet is brought there before the end. */
static void finish_archive(struct daemon *daemon)
{
	while (daemon->archive && archive_advance(daemon->archive, clock_now()) > 0)
		;
	daemon->archive = archive_free(daemon->archive);
}

static int start_core(struct daemon *daemon)
{
	const struct engine_outputs outputs = {append_record, publish_record, daemon};
	struct surface *surface = &daemon->surface;
	int r;

	r = open_ring(daemon);
	if (r < 0)
		return r;
	surface->bench_name = daemon->options.bench_name;
	surface->started = clock_now();
	surface->ring = ring_file_ring(daemon->ring_file);
	surface->reader = ring_file_reader(daemon->ring_file);
	surface->ring_bytes = daemon->options.ring_bytes;
	daemon->standing = surface->standing = standing_new();
	if (!daemon->standing)
		return -ENOMEM;
	daemon->engine = engine_new(daemon->options.bench_name, daemon->options.budget_percent,
		&outputs, daemon->standing);
	if (!daemon->engine)
		return -ENOMEM;
	surface->engine = daemon->engine;
	r = start_archive(daemon);
	if (r == 0)
		r = replay_ring(daemon);
	if (r < 0)
		return r;
	record_start(daemon);
	return 0;
}

static int start_loop(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	int r = loop_new(&daemon->loop);

	if (r == 0)
		r = loop_timer_new(daemon->loop, on_sync, daemon, &daemon->sync_timer);
	if (r == 0)
		r = loop_timer_new(daemon->loop, on_tick, daemon, &daemon->tick_timer);
	if (r == 0)
		r = loop_timer_new(daemon->loop, on_expire, daemon, &daemon->expire_timer);
	if (r == 0)
		r = loop_timer_start(daemon->expire_timer, 0);
	if (r == 0)
		r = loop_timer_new(daemon->loop, on_archive, daemon, &daemon->archive_timer);
	if (r == 0)
		r = loop_timer_new(daemon->loop, on_verdicts, daemon, &daemon->verdict_timer);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = loop_signal_new(
			daemon->loop, numbers[i], on_signal, daemon, &daemon->signals[i]);
	return r;
}

static int start_journal(struct daemon *daemon)
{
	char cursor[PATH_MAX + sizeof(CURSOR_FILE_NAME) + 1];
	const struct journal_options options = {
		.cursor_path = cursor,
		.folder = getenv("IDEVICETRIAGE_JOURNAL_DIR"),
		.find_place = find_place,
		.find_place_user = daemon,
	};

	snprintf(cursor, sizeof(cursor), "%s/%s", daemon->options.state_dir, CURSOR_FILE_NAME);
	return journal_new(daemon->loop, &options, take_event, daemon, &daemon->journal);
}

static int start_sources(struct daemon *daemon)
{
	const struct usbmux_options options = {
		.address = getenv("USBMUXD_SOCKET_ADDRESS"),
		.find_place = find_place,
		.find_place_user = daemon,
	};
	const struct phone_options no_choice = {0};
	int r = usb_new(daemon->loop, take_event, daemon, &daemon->usb);

	daemon->query_policy.allowed = daemon->options.queries;
	daemon->query_policy.usb_watched_us = clock_now().monotonic_us;
	if (r == 0 && daemon->options.queries)
		r = phone_new(daemon->loop, &no_choice, take_event, daemon, &daemon->phone);
	if (r < 0)
		return r;
	r = usbmux_new(daemon->loop, &options, take_event, daemon, &daemon->usbmux);
	return r < 0 ? r : start_journal(daemon);
}

static int listen_at(struct daemon *daemon)
{
	const char *path = daemon->options.socket;
	int fd = service_take_socket(), r;

	r = fd >= 0	    ? api_listen_fd(daemon->api, fd)
	    : fd == -ENOENT ? api_listen(daemon->api, path)
			    : fd;
	if (r == -EADDRINUSE)
		log_error("%s is in use: another idevicetriaged answers there.", path);
	else if (r < 0)
		log_error("%s can't be listened at: %s. Does its folder exist, and may this user "
			  "write "
			  "to it?",
			path, strerror(-r));
	return r;
}

static int start_api(struct daemon *daemon)
{
	struct api_backend backend = surface_backend(&daemon->surface);
	int r = api_new(daemon->loop, &backend, VERSION, &daemon->api);

	return r < 0 ? r : listen_at(daemon);
}

static int daemon_start(struct daemon *daemon)
{
	int r = start_loop(daemon);

	if (r == 0)
		r = start_core(daemon);
	if (r == 0)
		r = start_api(daemon);
	if (r == 0)
		r = start_sources(daemon);
	if (r == 0)
		r = service_new(daemon->loop, NULL, NULL, &daemon->service);
	if (r < 0)
		return r;
	service_ready(daemon->service);
	service_status(daemon->service, "Watching as %s", daemon->options.bench_name);
	log_info("idevicetriaged " VERSION " watches as %s.", daemon->options.bench_name);
	return 0;
}

static void daemon_done(struct daemon *daemon)
{
	if (daemon->service)
		service_stopping(daemon->service);
	phone_free(daemon->phone);
	daemon->phone = NULL;
	journal_free(daemon->journal);
	kmsg_free(daemon->kmsg);
	usbmux_free(daemon->usbmux);
	usb_free(daemon->usb);
	api_free(daemon->api);
	daemon->api = NULL;
	service_free(daemon->service);
	/* What ended just now is judged before the end. */
	while (daemon->verdicts && verdicts_advance(daemon->verdicts, clock_now()))
		;
	daemon->verdicts = verdicts_free(daemon->verdicts);
	finish_archive(daemon);
	engine_free(daemon->engine);
	standing_free(daemon->standing);
	ring_file_free(daemon->ring_file);
	for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
		loop_signal_free(daemon->signals[i]);
	loop_timer_free(daemon->expire_timer);
	loop_timer_free(daemon->archive_timer);
	loop_timer_free(daemon->verdict_timer);
	loop_timer_free(daemon->tick_timer);
	loop_timer_free(daemon->sync_timer);
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
	/* A file that meets the size limit is an error to tell, not an end. */
	signal(SIGXFSZ, SIG_IGN);
	r = daemon_start(&daemon);
	if (r == 0)
		r = loop_run(daemon.loop);
	if (r < 0)
		log_error("idevicetriaged ends: %s.", strerror(-r));
	if (daemon.loop)
		log_debug("The loop's longest stall was %llu us.",
			(unsigned long long)loop_longest_stall_us(daemon.loop));
	daemon_done(&daemon);
	return r < 0 ? 1 : r;
}
