/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/simulation/shop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/verdict.h"
#include "tests/rig/fake_time.h"

/* A daemon that starts again finds all of a visit in its ring; the others read theirs never. */
#define RING_BYTES (512u << 10)
#define RING_BYTES_UNREAD (128u << 10)
#define START_MONOTONIC_US (1000 * USEC_PER_SEC)
#define START_WALL_US UINT64_C(1795391999000000)
#define RUN_BEGINS_US (7 * USEC_PER_SEC) /* after the begin of a course */
#define NO_FOLDER "/nonexistent"

/* Fails only if the test itself is broken. */
static void must(int r)
{
	if (r != 0)
		abort();
}

static const char *const computers[SHOP_COMPUTERS] = {"bench-1", "bench-2"};

void shop_open(struct shop *shop)
{
	fake_time_set((struct stamp){START_MONOTONIC_US, START_WALL_US});
}

void shop_close(struct shop *shop)
{
	for (size_t i = 0; i < SHOP_COMPUTERS; i++)
		if (shop->running[i])
			rig_done(&shop->rigs[i]);
	for (size_t i = 0; i < shop->reported_count; i++)
		free(shop->reported[i]);
}

static void feed_source(struct rig *rig, bool up)
{
	struct event event = {.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = SOURCE_USBMUXD,
		.name = "usbmuxd",
		.code = up ? 0 : -ECONNREFUSED};

	recorder_feed(rig->recorder, &event);
}

static struct rig *rig_of(struct shop *shop, size_t computer)
{
	struct rig *rig = &shop->rigs[computer];

	if (!shop->running[computer]) {
		must(rig_init(rig, NULL, computers[computer], NO_FOLDER,
			shop->arrival.restart_percent ? RING_BYTES : RING_BYTES_UNREAD));
		feed_source(rig, true);
		shop->running[computer] = true;
	}
	return rig;
}

/* What people record of a setup. NULL = nothing: it is as usual. */
static const char *condition_value(enum knob knob, unsigned value, char text[static 16])
{
	static const char *const flex[] = {NULL, "disconnected", "replaced"};

	switch (knob) {
	case KNOB_CABLE:
		snprintf(text, 16, "L%02u", value);
		return text;
	case KNOB_USBMUXD:
	case KNOB_NETWORK:
		snprintf(text, 16, "other-%u", value);
		return value ? text : NULL;
	case KNOB_FLEX:
		return flex[value];
	case KNOB_MINIMAL:
		return value ? "true" : NULL;
	default:
		return value ? "known-good" : NULL;
	}
}

static const struct {
	enum knob knob;
	const char *key;
} condition_keys[] = {
	{KNOB_CABLE, "cable"},
	{KNOB_USBMUXD, "hostSoftware"},
	{KNOB_NETWORK, "network"},
	{KNOB_FLEX, "earpieceFlex"},
	{KNOB_BATTERY, "battery"},
	{KNOB_CHARGE_FLEX, "chargeFlex"},
	{KNOB_DISPLAY, "display"},
	{KNOB_MINIMAL, "minimalBoot"},
};

#define CONDITIONS_MAX ARRAY_SIZE(condition_keys)

static size_t list_conditions(
	const struct course *course, struct condition conditions[static CONDITIONS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < CONDITIONS_MAX; i++) {
		enum knob knob = condition_keys[i].knob;
		char text[16];
		const char *value = condition_value(knob, course->setup.knobs[knob], text);

		if (!value || (knob == KNOB_CABLE && !course->labelled))
			continue;
		conditions[count] = (struct condition){0};
		text_copy(conditions[count].key, CONDITION_KEY_SIZE, condition_keys[i].key);
		text_copy(conditions[count++].value, CONDITION_VALUE_SIZE, value);
	}
	return count;
}

/* Of a restore without `run`, people record the conditions of its place. */
static void set_conditions(struct rig *rig, const struct course *course)
{
	struct place place = {.identity.ecid = course->phone.ecid};

	for (size_t i = 0; i < CONDITIONS_MAX; i++) {
		enum knob knob = condition_keys[i].knob;
		char text[16];
		const char *value = condition_value(knob, course->setup.knobs[knob], text);

		if (!value || (knob == KNOB_CABLE && !course->labelled))
			value = "unknown";
		conditions_set(rig->conditions, &place, condition_keys[i].key, value, 0);
	}
}

/* A course on its way into a daemon. */
struct play {
	struct shop *shop;
	struct rig *rig;
	const struct course *course;
	uint64_t start_us; /* monotonic */
	uint64_t arrivals_us[COURSE_MESSAGES_MAX];
	size_t order[COURSE_MESSAGES_MAX];
	struct uuid session;
	char log[COURSE_MESSAGES_MAX * MESSAGE_TEXT_SIZE];
	size_t log_length;
	uint64_t log_taken;
	const struct message *on_usb, *on_mux; /* what a daemon finds when it starts */
	bool mux_up;
};

static enum event_source source_of(const struct message *message)
{
	return message->kind == MESSAGE_EVENT ? message->event.source : SOURCE_TOOL;
}

/* Each source keeps its own order. */
static void draw_arrivals(struct play *play)
{
	uint64_t last[SOURCE_LINK + 1] = {0};

	for (size_t i = 0; i < play->course->count; i++) {
		const struct message *message = &play->course->messages[i];
		enum event_source source = source_of(message);
		unsigned delay = play->shop->arrival.delay_ms[source];
		uint64_t at =
			message->at_us + dice_roll(&play->shop->dice, delay + 1) * USEC_PER_MSEC;

		if (at < last[source])
			at = last[source];
		last[source] = play->arrivals_us[i] = at;
	}
}

static void sort_arrivals(struct play *play)
{
	for (size_t i = 0; i < play->course->count; i++) {
		size_t at = i;

		for (; at > 0 && play->arrivals_us[play->order[at - 1]] > play->arrivals_us[i];
			at--)
			play->order[at] = play->order[at - 1];
		play->order[at] = i;
	}
}

static void begin_run(struct play *play)
{
	struct condition conditions[CONDITIONS_MAX];
	const struct recorder_run run = {
		.tool = "idevicerestore",
		.command_line = "idevicerestore /srv/iPhone.ipsw",
		.port = play->course->port,
		.conditions = conditions,
		.condition_count = list_conditions(play->course, conditions),
	};

	must(recorder_begin_run(play->rig->recorder, clock_now(), &run, &play->session));
}

/* `run` sends the log from where the daemon has it. */
static void send_log(struct play *play)
{
	recorder_append_log(play->rig->recorder, clock_now(), RECORDER_ADMINISTRATOR,
		&play->session, play->log_taken, play->log + play->log_taken,
		play->log_length - play->log_taken, &play->log_taken);
}

static void feed_event(struct play *play, const struct message *message)
{
	struct event event = message->event;

	event.at = clock_now();
	if (event.source == SOURCE_KERNEL) {
		uint64_t late_us = event.at.monotonic_us - (play->start_us + message->at_us);

		event.at.monotonic_us -= late_us;
		event.at.wall_us -= late_us;
	}
	event_set_text(&event, message->text);
	recorder_feed(play->rig->recorder, &event);
}

static void restart(struct play *play)
{
	must(rig_restart(play->rig, 0));
	feed_source(play->rig, play->mux_up);
	if (play->on_usb)
		feed_event(play, play->on_usb);
	if (play->on_mux)
		feed_event(play, play->on_mux);
}

static void note_state(struct play *play, const struct message *message)
{
	switch (message->event.kind) {
	case EVENT_ATTACH:
		play->on_usb = message;
		break;
	case EVENT_DETACH:
		play->on_usb = NULL;
		break;
	case EVENT_MUX_ATTACH:
		play->on_mux = message;
		break;
	case EVENT_MUX_DETACH:
		play->on_mux = NULL;
		break;
	case EVENT_SOURCE:
		play->mux_up = message->event.code == 0;
		break;
	default:
		break;
	}
}

static void deliver_event(struct play *play, const struct message *message)
{
	struct shop *shop = play->shop;
	bool link = message->event.kind >= EVENT_ATTACH && message->event.kind <= EVENT_MUX_DETACH;

	note_state(play, message);
	if (dice_chance(&shop->dice, shop->arrival.lost_percent) || shop->arrival.log_only)
		return;
	feed_event(play, message);
	if (link && dice_chance(&shop->dice, shop->arrival.doubled_percent))
		feed_event(play, message);
}

static void deliver(struct play *play, const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_EVENT:
		deliver_event(play, message);
		break;
	case MESSAGE_LOG:
		play->log_length += (size_t)snprintf(play->log + play->log_length,
			sizeof(play->log) - play->log_length, "%s\n", message->text);
		send_log(play);
		break;
	case MESSAGE_END:
		recorder_end_run(play->rig->recorder, clock_now(), RECORDER_ADMINISTRATOR,
			&play->session, message->event.code);
		break;
	}
}

static void play_messages(struct play *play, size_t restart_at)
{
	const struct course *course = play->course;
	bool begun = !course->has_run;

	for (size_t i = 0; i < course->count; i++) {
		size_t next = play->order[i];

		if (!begun && play->arrivals_us[next] > RUN_BEGINS_US) {
			fake_time_pass(play->start_us + RUN_BEGINS_US);
			begin_run(play);
			begun = true;
		}
		fake_time_pass(play->start_us + play->arrivals_us[next]);
		deliver(play, &course->messages[next]);
		if (i == restart_at)
			restart(play);
	}
}

/* A restart ends a restore without `run` as lost: nobody saw its middle. */
static bool is_watching(const struct rig *rig)
{
	const struct bench *bench = rig->store.bench;

	for (size_t i = 0; i < bench_session_count(bench); i++)
		if (bench_session(bench, i)->running)
			return true;
	return false;
}

static void play_watched(struct shop *shop, const struct course *course)
{
	struct play *play = calloc(1, sizeof(*play));
	size_t computer = course->setup.knobs[KNOB_COMPUTER] ? 1 : 0;
	size_t restart_at = SIZE_MAX;

	if (!play)
		abort();
	play->shop = shop;
	play->rig = rig_of(shop, computer);
	play->course = course;
	play->start_us = clock_now().monotonic_us;
	play->mux_up = true;
	draw_arrivals(play);
	sort_arrivals(play);
	if (dice_chance(&shop->dice, shop->arrival.restart_percent)) {
		if (course->has_run)
			restart_at = dice_roll(&shop->dice, (unsigned)course->count);
		else if (!is_watching(play->rig))
			restart(play);
	}
	if (!course->has_run)
		set_conditions(play->rig, course);
	play_messages(play, restart_at);
	free(play);
}

/* The number that Apple's tools show. */
static int itunes_number(const struct symptom *symptom)
{
	static const int usual[] = {[ENDING_BOUNCE] = 4013,
		[ENDING_DFU] = 4014,
		[ENDING_ABSENT] = 4005,
		[ENDING_CONTACT] = 9,
		[ENDING_RESET] = 4010,
		[ENDING_DROPPED] = 9,
		[ENDING_HANG] = 9};

	if (symptom->itunes)
		return symptom->itunes;
	return symptom->ending == ENDING_STATUS		     ? symptom->status
	       : (size_t)symptom->ending < ARRAY_SIZE(usual) ? usual[symptom->ending]
							     : 0;
}

/* A person reports a restore with Finder. */
static void report(struct shop *shop, const struct course *course)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct condition conditions[CONDITIONS_MAX];
	size_t count = list_conditions(course, conditions);

	if (!attempt || shop->reported_count == SHOP_ATTEMPTS_MAX)
		abort();
	attempt_init(attempt);
	attempt->started = attempt->ended = clock_now();
	attempt->ended_seen = true;
	attempt->outcome = course->symptom ? OUTCOME_FAILED : OUTCOME_SUCCEEDED;
	text_copy(attempt->host, sizeof(attempt->host), "mac-1");
	text_copy(attempt->host_os, sizeof(attempt->host_os), "macos");
	text_copy(attempt->tool, sizeof(attempt->tool), "finder");
	text_copy(attempt->action, sizeof(attempt->action),
		course->setup.knobs[KNOB_ACTION] ? "erase" : "update");
	for (size_t i = 0; i < count; i++)
		attempt_set_condition(attempt, conditions[i].key, conditions[i].value, 0);
	if (course->symptom && itunes_number(course->symptom)) {
		attempt->errors[attempt->error_count++] = (struct reported_error){
			.domain = "itunes", .code = itunes_number(course->symptom)};
	}
	shop->reported[shop->reported_count++] = attempt;
}

void shop_play(struct shop *shop, const struct course *course, uint64_t pause_us)
{
	uint64_t start_us = clock_now().monotonic_us;

	if (course->setup.knobs[KNOB_COMPUTER] && shop->second_is_mac)
		report(shop, course);
	else
		play_watched(shop, course);
	fake_time_pass(start_us + course->length_us + pause_us);
}

static void add_attempt(struct triage_case *c, const struct attempt *attempt)
{
	struct attempt *copy = triage_case_add(c);

	if (!copy)
		abort();
	*copy = *attempt;
}

static void show_attempt(const struct attempt *attempt)
{
	printf("      %s on %s, %s:", attempt->tool[0] ? attempt->tool : "no tool", attempt->host,
		outcome_name(attempt->outcome));
	for (size_t i = 0; i < attempt->mode_count; i++)
		printf(" %s", device_mode_name(attempt->modes[i].mode));
	for (size_t i = 0; i < attempt->sign_count; i++)
		printf(" [%s]", attempt->signs[i].id);
	printf(" operation %u, usb errors %u, mux faults %u\n", attempt->operation,
		attempt->health.usb_errors, attempt->health.mux_faults);
}

void shop_judge(struct shop *shop, bool shows, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct identity identity = {.ecid = shop->phone.ecid};

	must(store_case(&rig_of(shop, 0)->store, &identity, &c));
	if (shop->running[1]) {
		CLEANUP(triage_case_freep) struct triage_case *other = NULL;

		must(store_case(&shop->rigs[1].store, &identity, &other));
		for (size_t i = 0; i < other->attempt_count; i++)
			add_attempt(c, other->attempts[i]);
	}
	for (size_t i = 0; i < shop->reported_count; i++)
		add_attempt(c, shop->reported[i]);
	for (size_t i = 0; i < SHOP_HISTORY_MAX && shop->history[i]; i++)
		triage_case_add_history(c, shop->history[i]);
	must(store_mark_across(&shop->rigs[0].store, c));
	for (size_t i = 0; shows && i < c->attempt_count; i++)
		show_attempt(c->attempts[i]);
	must(diagnose(c, ret));
}
