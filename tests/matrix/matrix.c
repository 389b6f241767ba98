/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each fault that can be injected on the bus, at each stage of a restore, with each source on or
 * off: what usbmon, USB, usbmuxd and the tool's log show of it goes through the real daemon under a
 * clock that the test sets. The planted cause is the oracle: no verdict may be wrong at strong.
 *
 *   matrix [-v] [FAULT]
 *
 * Prints the table of the verdicts; -v prints the events of the watcher too. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/verdict.h"
#include "common/model/usb_identity.h"
#include "tests/rig/bus.h"
#include "tests/rig/fake_time.h"
#include "tests/rig/rig.h"

#define ECID UINT64_C(0x001C2D6A3C8A802E)
#define UDID "00008030-001C2D6A3C8A802E"
#define PORT "1-2"
#define RING_BYTES (1u << 20)
#define ENTRY_TEXT_SIZE 160
#define PATIENCE_MS                                                                                \
	400000 /* after which a technician stops a tool that hangs: over each budget               \
		*/
#define EXIT_FAILED 255
#define EXIT_STOPPED -2

enum source { SOURCE_OF_LOG, SOURCE_OF_USB, SOURCE_OF_LINK, SOURCES };
#define SETS (1u << SOURCES) /* of sources that are on */

static bool verbose;

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* -- what happens, and what each source shows of it -- */

enum entry_kind { ENTRY_EVENT, ENTRY_LOG, ENTRY_END };

struct entry {
	uint64_t at_us;
	enum entry_kind kind;
	struct event event;
	char text[ENTRY_TEXT_SIZE];
};

struct course {
	struct bus bus;
	struct entry *entries;
	size_t count, room;
	struct bus_connection restored, image;
	enum bus_point point;
	const char *last_wait;
};

static struct entry *add_entry(struct course *course, uint64_t at_us, enum entry_kind kind)
{
	if (course->count == course->room) {
		course->room = course->room ? 2 * course->room : 64;
		course->entries = realloc(course->entries, course->room * sizeof(*course->entries));
		must(course->entries);
	}
	course->entries[course->count] = (struct entry){.at_us = at_us, .kind = kind};
	return &course->entries[course->count++];
}

static void log_at(struct course *course, uint64_t at_us, const char *format, ...)
	PRINTF_LIKE(3, 4);
static void log_at(struct course *course, uint64_t at_us, const char *format, ...)
{
	struct entry *entry = add_entry(course, at_us, ENTRY_LOG);
	va_list args;

	va_start(args, format);
	vsnprintf(entry->text, sizeof(entry->text), format, args);
	va_end(args);
}

static struct event *add_event(
	struct course *course, uint64_t at_us, enum event_kind kind, enum event_source source)
{
	struct event *event = &add_entry(course, at_us, ENTRY_EVENT)->event;

	event->kind = kind;
	event->source = source;
	text_copy(event->port, sizeof(event->port), PORT);
	return event;
}

static void mux_event(struct course *course, uint64_t at_us, enum event_kind kind, int64_t code)
{
	struct event *event = add_event(course, at_us, kind, SOURCE_USBMUXD);

	text_copy(event->udid, sizeof(event->udid), UDID);
	event->ecid = ECID;
	event->mode = MODE_NORMAL_OR_RESTORE;
	event->code = code;
}

static void end_tool(struct course *course, int64_t status)
{
	bus_pass(&course->bus, 300);
	add_entry(course, course->bus.now_us, ENTRY_END)->event.code = status;
}

/* USB and usbmuxd see the phone come and go. */
static void show_attach(struct course *course, const struct bus_item *item)
{
	struct usb_identity identity = usb_identity_read(item->product, item->serial);
	struct event *event = add_event(course, item->at_us, EVENT_ATTACH, SOURCE_USB);

	event->mode = identity.mode;
	event->ecid = identity.ecid;
	event->speed_mbps = 480;
	text_copy(event->udid, sizeof(event->udid), identity.udid);
	if (identity.model)
		text_copy(event->product, sizeof(event->product), identity.model->product);
	boot_program_write(&identity.program, course->entries[course->count - 1].text);
	if (identity.mode == MODE_NORMAL_OR_RESTORE)
		mux_event(course, item->at_us + 100 * USEC_PER_MSEC, EVENT_MUX_ATTACH, 0);
}

static void show_detach(struct course *course, const struct bus_item *item, bool listed)
{
	add_event(course, item->at_us, EVENT_DETACH, SOURCE_USB);
	if (listed)
		mux_event(course, item->at_us + 50 * USEC_PER_MSEC, EVENT_MUX_DETACH, 0);
}

static void show_usb(struct course *course, size_t first)
{
	bool listed = false;

	for (size_t i = 0; i < course->bus.count; i++) {
		const struct bus_item *item = &course->bus.items[i];

		if (item->kind == BUS_ATTACH && i >= first)
			show_attach(course, item);
		else if (item->kind == BUS_DETACH && i >= first)
			show_detach(course, item, listed);
		if (item->kind == BUS_ATTACH)
			listed = item->product == BUS_PRODUCT_NORMAL;
		else if (item->kind == BUS_DETACH)
			listed = false;
	}
}

/* The tool's lines at what it does: idevicerestore's. */
static void log_wait(struct course *course, uint64_t at_us, const char *wait)
{
	static const struct {
		const char *wait, *line;
	} lines[] = {
		{"wait-disconnect", "Waiting for device to disconnect..."},
		{"wait-recovery", "Waiting for device to reconnect in recovery mode..."},
		{"wait-restore-mode", "Waiting for device to enter restore mode..."},
		{"asr", "Connecting to ASR"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (text_equal(lines[i].wait, wait))
			log_at(course, at_us, "%s", lines[i].line);
	if (text_equal(wait, "restored-silence") && text_equal(course->last_wait, "asr"))
		log_at(course, at_us, "Connected to ASR");
	course->last_wait = text_equal(wait, "asr") ? "asr" : "";
}

static void log_event(void *user, const struct event *event)
{
	struct course *course = user;
	uint64_t at_us = event->at.monotonic_us + 5 * USEC_PER_MSEC;

	switch (event->kind) {
	case EVENT_TRANSFER:
		if (event->flag == STEP_BEGIN && course->restored.host_port == 0)
			log_at(course, at_us, "Sending %s (98304 bytes)...", event->name);
		else
			log_at(course, at_us, "%s %s...",
				event->flag == STEP_BEGIN ? "About to send" : "Done sending",
				event->name);
		break;
	case EVENT_WAIT:
		log_wait(course, at_us, event->name);
		break;
	case EVENT_IDENTITY:
		log_at(course, at_us, "Device %s has successfully entered restore mode", UDID);
		log_at(course, at_us, "Connected to com.apple.mobile.restored, version 15");
		break;
	case EVENT_OPERATION:
		log_at(course, at_us, "%s (%u)", event->name, event->number);
		break;
	case EVENT_STATUS:
		log_at(course, at_us, "Got status message");
		log_at(course, at_us,
			event->code ? "Unhandled status message (%" PRId64 ")"
				    : "Status: Restore Finished",
			event->code);
		break;
	default:
		break;
	}
}

static void log_banner(struct course *course)
{
	static const char *const lines[] = {
		"idevicerestore 1.0.0-270-g405fcd1 (libirecovery 1.2.1, libtatsu 1.0.4)",
		"Found device in Recovery mode", "ECID: 7931233653391406",
		"Identified device as d421ap, iPhone12,3", "IPSW Product Version: 18.6",
		"IPSW Product Build: 22G86 Major: 22", "Variant: Customer Erase Install (IPSW)"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		log_at(course, BUS_START_US + (100 + i) * USEC_PER_MSEC, "%s", lines[i]);
}

/* Plays from item `first` what the tool does, for its log. */
static void show_log(struct course *course, struct link_watcher *watcher, size_t first)
{
	for (size_t i = first; i < course->bus.count; i++)
		bus_play_item(&course->bus, i, watcher);
}

/* -- faults: the course up to the point stands, and the fault follows -- */

static uint64_t now(const struct course *course)
{
	return course->bus.now_us;
}

static bool in_iboot(const struct course *course)
{
	return course->point == BUS_AT_UPLOAD;
}

static void tool_fails(struct course *course)
{
	bus_pass(&course->bus, 100);
	if (in_iboot(course)) {
		log_at(course, now(course), "ERROR: Unable to send RestoreRamDisk to device.");
		log_at(course, now(course), "ERROR: Unable to place device into restore mode");
	} else if (course->point == BUS_AT_BOOT) {
		log_at(course, now(course), "ERROR: Device failed to enter restore mode.");
		log_at(course, now(course), "ERROR: Unable to place device into restore mode");
	} else {
		log_at(course, now(course), "ERROR: Could not read data (-256). Aborting.");
		log_at(course, now(course), "ERROR: Unable to restore device");
	}
	end_tool(course, EXIT_FAILED);
}

/* A transfer fails and the phone stays: usbmuxd drops it. */
static void fail_transfer(struct course *course, uint8_t endpoint, int status)
{
	bus_transfer(&course->bus, endpoint, status, NULL, 0);
	bus_pass(&course->bus, 20);
	if (!in_iboot(course))
		mux_event(course, now(course), EVENT_MUX_DETACH, 0);
	tool_fails(course);
	bus_pass(&course->bus, 60000);
}

static void protocol_in(struct course *course)
{
	fail_transfer(course, BUS_ENDPOINT_IN, -EPROTO);
}

static void protocol_out(struct course *course)
{
	fail_transfer(course, BUS_ENDPOINT_OUT, -EPROTO);
}

static void babble(struct course *course)
{
	fail_transfer(course, BUS_ENDPOINT_IN, -EOVERFLOW);
}

static void corrected(struct course *course)
{
	for (int i = 0; i < LINK_CORRECTED_MAX; i++) {
		bus_corrected(&course->bus);
		bus_pass(&course->bus, 2000);
	}
	fail_transfer(course, BUS_ENDPOINT_IN, -EPROTO);
}

static void stall(struct course *course)
{
	fail_transfer(course, BUS_ENDPOINT_IN, -EPIPE);
}

/* Nothing moves until the technician stops the tool and unplugs the phone. */
static void hang(struct course *course)
{
	bus_pass(&course->bus, PATIENCE_MS);
	end_tool(course, EXIT_STOPPED);
	bus_pass(&course->bus, 5000);
	bus_detach(&course->bus);
	bus_pass(&course->bus, PATIENCE_MS);
}

static void takes_nothing(struct course *course)
{
	bus_submit(&course->bus, BUS_ENDPOINT_OUT, "x", 1);
	hang(course);
}

static void unplug(struct course *course)
{
	bus_detach(&course->bus);
	bus_pass(&course->bus, 500);
}

static void contact(struct course *course)
{
	unplug(course);
	bus_attach(&course->bus, in_iboot(course) ? BUS_PRODUCT_RECOVERY : BUS_PRODUCT_NORMAL,
		in_iboot(course) ? BUS_IBEC_SERIAL : BUS_UDID);
	tool_fails(course);
	bus_pass(&course->bus, PATIENCE_MS);
}

static void reset(struct course *course)
{
	if (course->point != BUS_AT_BOOT)
		unplug(course);
	tool_fails(course);
	bus_pass(&course->bus, 9000);
	bus_attach(&course->bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_pass(&course->bus, PATIENCE_MS);
}

static void stay_away(struct course *course)
{
	bus_pass(&course->bus, 310000);
	tool_fails(course);
	bus_pass(&course->bus, PATIENCE_MS);
}

static void report_failure(struct course *course)
{
	bus_say(&course->bus, &course->restored, BUS_FROM_PHONE,
		"<key>AMRError</key><integer>1</integer><key>MsgType</key><string>StatusMsg"
		"</string><key>Status</key><integer>1</integer>");
	bus_pass(&course->bus, 1000);
	reset(course);
}

static void end_usbmuxd(struct course *course)
{
	struct event *event;

	mux_event(course, now(course), EVENT_MUX_DETACH, -ECONNRESET);
	event = add_event(course, now(course), EVENT_SOURCE, SOURCE_USBMUXD);
	event->port[0] = '\0';
	event->code = -ECONNREFUSED;
	text_copy(event->name, sizeof(event->name), "usbmuxd");
	tool_fails(course);
	bus_pass(&course->bus, PATIENCE_MS);
}

static void succeed(struct course *course)
{
	bus_pass(&course->bus, 1000);
	bus_detach(&course->bus);
	log_at(course, now(course), "DONE");
	end_tool(course, 0);
	bus_pass(&course->bus, 40000);
	bus_attach(&course->bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_pass(&course->bus, PATIENCE_MS);
}

#define POINT(point) (1u << (point))
#define IN_RESTORED                                                                                \
	(POINT(BUS_AT_QUERY) | POINT(BUS_AT_OPERATION) | POINT(BUS_AT_REQUEST) |                   \
		POINT(BUS_AT_IMAGE))
#define TRUE_PHASE(phase) (1u << (phase))
#define CONNECTION TRUE_PHASE(PHASE_CONNECTION)
#define SOFTWARE TRUE_PHASE(PHASE_SOFTWARE)
#define HARDWARE TRUE_PHASE(PHASE_HARDWARE)

/* What is planted, and what a strong verdict may call it. */
static const struct fault {
	const char *name;
	void (*happen)(struct course *course);
	unsigned points;
	unsigned true_phases;
	/* With the link on, this verdict must come; PHASE_NONE = none must. */
	enum phase proved;
} faults[] = {
	{"success", succeed, POINT(BUS_AT_STATUS), 0, PHASE_NONE},
	{"protocol error, bulk-in", protocol_in, POINT(BUS_AT_UPLOAD) | IN_RESTORED, CONNECTION,
		PHASE_CONNECTION},
	{"protocol error, bulk-out", protocol_out, POINT(BUS_AT_UPLOAD) | IN_RESTORED, CONNECTION,
		PHASE_CONNECTION},
	{"babble, bulk-in", babble, POINT(BUS_AT_UPLOAD) | IN_RESTORED, CONNECTION,
		PHASE_CONNECTION},
	{"4 corrected, then failed", corrected, IN_RESTORED, CONNECTION, PHASE_CONNECTION},
	/* The phone itself refuses to go on. */
	{"stall, bulk-in", stall, IN_RESTORED, CONNECTION | HARDWARE, PHASE_NONE},
	{"phone takes no data", takes_nothing, POINT(BUS_AT_UPLOAD) | POINT(BUS_AT_IMAGE), HARDWARE,
		PHASE_NONE},
	{"phone is silent", hang, POINT(BUS_AT_OPERATION), HARDWARE, PHASE_NONE},
	{"host is silent", hang, POINT(BUS_AT_UPLOAD) | POINT(BUS_AT_REQUEST) | POINT(BUS_AT_IMAGE),
		SOFTWARE, PHASE_NONE},
	{"lost contact", contact, POINT(BUS_AT_UPLOAD) | IN_RESTORED, CONNECTION, PHASE_NONE},
	{"phone resets itself", reset, POINT(BUS_AT_BOOT) | IN_RESTORED, HARDWARE, PHASE_NONE},
	{"phone stays away", stay_away, POINT(BUS_AT_BOOT), HARDWARE, PHASE_NONE},
	{"phone reports a failure", report_failure, POINT(BUS_AT_OPERATION) | POINT(BUS_AT_IMAGE),
		HARDWARE | SOFTWARE, PHASE_NONE},
	{"usbmuxd ends", end_usbmuxd, IN_RESTORED, SOFTWARE, PHASE_NONE},
};

static const char *const point_names[] = {[BUS_AT_UPLOAD] = "upload",
	[BUS_AT_BOOT] = "boot",
	[BUS_AT_QUERY] = "query",
	[BUS_AT_OPERATION] = "operation",
	[BUS_AT_REQUEST] = "request",
	[BUS_AT_IMAGE] = "image",
	[BUS_AT_STATUS] = "status"};

static void make_course(struct course *course, const struct fault *fault, enum bus_point point)
{
	struct link_watcher *watcher = link_watcher_new(log_event, course);
	size_t first;

	must(watcher);
	*course = (struct course){.point = point, .last_wait = ""};
	bus_init(&course->bus);
	log_banner(course);
	course->restored = bus_restore(&course->bus, point, &course->image);
	show_log(course, watcher, 0);
	first = course->bus.count;
	fault->happen(course);
	show_log(course, watcher, first);
	show_usb(course, 0);
	link_watcher_free(watcher);
}

static void free_course(struct course *course)
{
	bus_done(&course->bus);
	free(course->entries);
}

/* -- playing -- */

struct play {
	struct rig rig;
	struct link_watcher *watcher;
	struct course *course;
	unsigned sources;
	bool running;
	struct uuid session;
	uint64_t log_taken;
	char log[65536];
	size_t log_length;
};

static bool is_on(const struct play *play, enum source source)
{
	return play->sources & 1u << source;
}

static void begin_run(struct play *play)
{
	const struct recorder_run run = {.tool = "idevicerestore",
		.command_line = "idevicerestore -e /srv/iPhone.ipsw",
		.port = PORT};

	must(recorder_begin_run(play->rig.recorder, clock_now(), &run, &play->session) == 0);
	play->running = true;
}

static void deliver(struct play *play, const struct entry *entry)
{
	struct event event = entry->event;

	if (entry->kind == ENTRY_EVENT) {
		if (!is_on(play, SOURCE_OF_USB))
			return;
		event.at = clock_now();
		event_set_text(&event, entry->text);
		recorder_feed(play->rig.recorder, &event);
		return;
	}
	if (!is_on(play, SOURCE_OF_LOG))
		return;
	if (!play->running)
		begin_run(play);
	if (entry->kind == ENTRY_END) {
		must(recorder_end_run(play->rig.recorder, clock_now(), RECORDER_ADMINISTRATOR,
			     &play->session, entry->event.code) >= 0);
		return;
	}
	play->log_length += (size_t)snprintf(play->log + play->log_length,
		sizeof(play->log) - play->log_length, "%s\n", entry->text);
	must(recorder_append_log(play->rig.recorder, clock_now(), RECORDER_ADMINISTRATOR,
		     &play->session, play->log_taken, play->log + play->log_taken,
		     play->log_length - play->log_taken, &play->log_taken) == 0);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	if (left->at_us != right->at_us)
		return left->at_us < right->at_us ? -1 : 1;
	return left < right ? -1 : left > right;
}

static void feed_link(void *user, const struct event *event)
{
	struct play *play = user;

	if (verbose)
		printf("      %8.3f %s %s %u %" PRId64 " %u\n",
			(double)(event->at.monotonic_us - BUS_START_US) / 1e6,
			event_kind_name(event->kind), event->name, event->number, event->code,
			event->flag);
	recorder_feed(play->rig.recorder, event);
}

static void play_course(struct play *play)
{
	struct course *course = play->course;
	size_t next = 0;

	for (size_t i = 0; i < course->bus.count; i++) {
		uint64_t at_us = course->bus.items[i].at_us;

		for (; next < course->count && course->entries[next].at_us <= at_us; next++) {
			fake_time_pass(course->entries[next].at_us);
			deliver(play, &course->entries[next]);
		}
		fake_time_pass(at_us);
		if (is_on(play, SOURCE_OF_LINK))
			bus_play_item(&course->bus, i, play->watcher);
	}
	fake_time_pass(course->bus.now_us + PATIENCE_MS * USEC_PER_MSEC);
}

static void begin_daemon(struct play *play)
{
	struct event event = {.kind = EVENT_SOURCE, .source = SOURCE_USBMUXD, .name = "usbmuxd"};

	fake_time_set((struct stamp){BUS_START_US, BUS_WALL_US + BUS_START_US});
	must(rig_init(&play->rig, NULL, "bench-1", "/nonexistent", RING_BYTES) == 0);
	event.at = clock_now();
	if (is_on(play, SOURCE_OF_USB))
		recorder_feed(play->rig.recorder, &event);
	play->watcher = link_watcher_new(feed_link, play);
	must(play->watcher);
}

/* Returns whether the daemon knows of a restore of the phone. */
static bool judge(struct course *course, unsigned sources, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct identity identity = {.ecid = ECID};
	CLEANUP(freep) struct play *play = calloc(1, sizeof(*play));
	int r;

	must(play);
	play->course = course;
	play->sources = sources;
	begin_daemon(play);
	play_course(play);
	r = store_case(&play->rig.store, &identity, &c);
	if (r == 0 && c->attempt_count > 0)
		must(diagnose(c, ret) == 0);
	link_watcher_free(play->watcher);
	rig_done(&play->rig);
	return r == 0 && c->attempt_count > 0;
}

/* -- the table -- */

struct score {
	size_t cells, wrong, unproved, right;
};

static bool is_strong_and_wrong(const struct fault *fault, const struct verdict *verdict)
{
	return verdict->strength >= STRENGTH_STRONG && verdict->phase != PHASE_UNDECIDED &&
	       verdict->phase != PHASE_NONE && !(fault->true_phases & 1u << verdict->phase);
}

static void print_cell(const struct verdict *verdict, bool known)
{
	static const char phases[] = {[PHASE_NONE] = '.',
		[PHASE_CONNECTION] = 'C',
		[PHASE_SOFTWARE] = 'S',
		[PHASE_HARDWARE] = 'H',
		[PHASE_UNDECIDED] = 'u'};

	static const char running[] = {
		[RUNNING_NONE] = ' ', [RUNNING_ON_TIME] = 'r', [RUNNING_HUNG] = 'h'};

	if (!known)
		printf("  -- ");
	else
		printf("  %c%d%c", phases[verdict->phase], verdict->strength,
			running[verdict->running]);
}

static void judge_cell(
	const struct fault *fault, struct course *course, unsigned sources, struct score *score)
{
	struct verdict verdict = {0};
	bool known = judge(course, sources, &verdict);

	score->cells++;
	print_cell(&verdict, known);
	if (!known)
		return;
	if (is_strong_and_wrong(fault, &verdict)) {
		printf("WRONG(%s)", verdict.cause_count ? verdict.causes[0].cause : "");
		score->wrong++;
	}
	/* "No failure was seen" of a restore that failed. */
	if (fault->true_phases && verdict.phase == PHASE_NONE && !verdict.running) {
		printf("GOOD");
		score->wrong++;
	}
	score->right += fault->true_phases & 1u << verdict.phase;
	if (fault->proved && sources & 1u << SOURCE_OF_LINK &&
		(verdict.phase != fault->proved || verdict.strength < STRENGTH_STRONG)) {
		printf("?");
		score->unproved++;
	}
}

static void print_head(void)
{
	printf("%-26s %-9s", "fault", "stage");
	for (unsigned sources = 1; sources < SETS; sources++)
		printf(" %c%c%c ", sources & 1u << SOURCE_OF_LOG ? 'l' : '-',
			sources & 1u << SOURCE_OF_USB ? 'u' : '-',
			sources & 1u << SOURCE_OF_LINK ? 'L' : '-');
	printf("\n");
}

int main(int argc, char **argv)
{
	struct score score = {0};
	const char *only = NULL;

	for (int i = 1; i < argc; i++)
		if (text_equal(argv[i], "-v"))
			verbose = true;
		else
			only = argv[i];
	print_head();
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		if (only && !text_starts_with(faults[i].name, only))
			continue;
		for (int point = 0; point <= BUS_AT_STATUS; point++) {
			struct course course;

			if (!(faults[i].points & 1u << point))
				continue;
			make_course(&course, &faults[i], (enum bus_point)point);
			qsort(course.entries, course.count, sizeof(*course.entries),
				compare_entries);
			printf("%-26s %-9s", faults[i].name, point_names[point]);
			for (unsigned sources = 1; sources < SETS; sources++)
				judge_cell(&faults[i], &course, sources, &score);
			printf("\n");
			free_course(&course);
		}
	}
	printf("l = the tool's log, u = USB and usbmuxd, L = the link. C connection, S software, H "
	       "hardware, u undecided, . no failure, -- not known; 3 strong, r running, h "
	       "hung\n%zu verdicts, %zu "
	       "of "
	       "them right, %zu wrong at strong, %zu not proved\n",
		score.cells, score.right, score.wrong, score.unproved);
	return score.wrong > 0 || score.unproved > 0;
}
