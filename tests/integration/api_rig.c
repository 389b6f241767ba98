/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/api_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/ring_file.h"

#define NO_FOLDER "/dev/null" /* where no casebook can be */

struct rig {
	struct ring_file *ring;
	struct conditions *conditions;
	struct recorder *recorder;
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct store store;
	struct source_states sources;
	struct api *api;
};

/* A phone goes into recovery and is restored. */
static void tell_story(struct rig *rig)
{
	static const struct {
		enum event_kind kind;
		enum event_source source;
		enum device_mode mode;
		uint32_t number;
		int64_t code;
		const char *name;
		const char *text;
	} story[] = {
		{EVENT_BENCH, SOURCE_DAEMON, MODE_UNKNOWN, 0, 0, "bench-1", "test"},
		{EVENT_ATTACH, SOURCE_USB, MODE_RECOVERY, 0, 0, "", ""},
		{EVENT_DETACH, SOURCE_USB, MODE_RECOVERY, 0, 0, "", ""},
		{EVENT_ATTACH, SOURCE_USB, MODE_RESTORE, 0, 0, "", ""},
		{EVENT_OPERATION, SOURCE_TOOL, MODE_UNKNOWN, 28, 0, "Creating filesystem", ""},
		{EVENT_SOURCE, SOURCE_USBMUXD, MODE_UNKNOWN, 0, 0, "usbmuxd", ""},
		{EVENT_SOURCE, SOURCE_USB, MODE_UNKNOWN, 0, -ENODEV, "usb", "no udev"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(story); i++) {
		struct event event = {.at = clock_now(),
			.kind = story[i].kind,
			.source = story[i].source,
			.mode = story[i].mode,
			.code = story[i].code,
			.number = story[i].number};

		if (event.kind != EVENT_BENCH && event.kind != EVENT_SOURCE) {
			ecid_parse(RIG_ECID, &event.ecid);
			text_copy(event.product, sizeof(event.product), "iPhone12,3");
			text_copy(event.port, sizeof(event.port), "1-2");
		}
		text_copy(event.name, sizeof(event.name), story[i].name);
		event_set_text(&event, story[i].text);
		recorder_feed(rig->recorder, &event);
	}
}

static int start(struct rig *rig, struct loop *loop, uint64_t ring_bytes)
{
	struct recorder_options recorder = {.bench_name = "bench-1", .budget_percent = 100};
	struct sealer_options sealer = {.state_dir = NO_FOLDER, .sink = recorder_feed};
	struct api_parts parts = {.version = "test", .started = clock_now()};
	int r = ring_file_open_memory(ring_bytes, clock_now(), &rig->ring);

	if (r < 0)
		return r;
	parts.ring = recorder.ring = ring_file_ring(rig->ring);
	rig->store.reader = ring_file_reader(rig->ring);
	text_copy(rig->store.bench_name, sizeof(rig->store.bench_name), "bench-1");
	parts.conditions = rig->conditions = conditions_new();
	rig->store.conditions = recorder.conditions = sealer.conditions = rig->conditions;
	if (!rig->conditions)
		return -ENOMEM;
	r = recorder_new(loop, &recorder, &rig->recorder);
	if (r < 0)
		return r;
	parts.recorder = sealer.user = rig->recorder;
	rig->store.bench = recorder_bench(rig->recorder);
	r = diagnoser_new(loop, &rig->store, recorder_feed, rig->recorder, &rig->diagnoser);
	parts.diagnoser = sealer.diagnoser = rig->diagnoser;
	parts.store = sealer.store = &rig->store;
	if (r == 0)
		r = sealer_new(loop, &sealer, &rig->sealer);
	parts.sealer = rig->sealer;
	parts.sources = &rig->sources;
	parts.ring_bytes = ring_bytes;
	return r < 0 ? r : api_new(loop, &parts, &rig->api);
}

int rig_new(struct loop *loop, uint64_t ring_bytes, struct rig **ret)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	int r = rig ? start(rig, loop, ring_bytes) : -ENOMEM;

	if (r < 0) {
		rig_free(rig);
		return r;
	}
	recorder_observe(rig->recorder, source_states_observe, &rig->sources);
	recorder_observe(rig->recorder, api_observe, rig->api);
	tell_story(rig);
	*ret = rig;
	return 0;
}

struct rig *rig_free(struct rig *rig)
{
	if (!rig)
		return NULL;
	api_free(rig->api);
	sealer_free(rig->sealer);
	diagnoser_free(rig->diagnoser);
	recorder_free(rig->recorder);
	conditions_free(rig->conditions);
	ring_file_free(rig->ring);
	free(rig);
	return NULL;
}

struct api *rig_api(struct rig *rig)
{
	return rig->api;
}

void rig_publish(struct rig *rig, size_t count, size_t bytes)
{
	char text[EVENT_TEXT_MAX];

	if (bytes > sizeof(text))
		bytes = sizeof(text);
	for (size_t i = 0; i < count; i++) {
		struct event event = {
			.at = clock_now(), .kind = EVENT_NOTE, .source = SOURCE_PERSON};
		uint64_t next = ring_reader_extent(rig->store.reader).next_sequence;
		char head[24];
		int length = snprintf(head, sizeof(head), "%llu ", (unsigned long long)next);

		memset(text, 'x', sizeof(text));
		memcpy(text, head, (size_t)length);
		event.text = text;
		event.text_length = bytes < (size_t)length ? (size_t)length : bytes;
		recorder_feed(rig->recorder, &event);
	}
}

void rig_break(struct rig *rig)
{
	memset(ring_file_ring(rig->ring)->header, 0xff, sizeof(struct ring_header));
}
