/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/api_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "tests/rig/rig.h"

#define NO_FOLDER "/dev/null" /* a casebook cannot be created there */

struct api_rig {
	struct rig parts;
	struct api *api;
};

/* A phone goes into recovery and is restored. */
static void tell_story(struct api_rig *rig)
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
		{EVENT_ATTACH, SOURCE_USB, MODE_RECOVERY, 0, 0, "", "IBFL:3D SRNM"},
		{EVENT_DETACH, SOURCE_USB, MODE_RECOVERY, 0, 0, "", ""},
		{EVENT_ATTACH, SOURCE_USB, MODE_RECOVERY, 0, 0, "", "IBFL:3C SRNM"},
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
		recorder_feed(rig->parts.recorder, &event);
	}
}

static int start(struct api_rig *rig, struct loop *loop, uint64_t ring_bytes)
{
	struct rig *parts = &rig->parts;
	int r = rig_init(parts, loop, "bench-1", NO_FOLDER, ring_bytes);
	const struct api_parts api = {
		.version = "test",
		.started = clock_now(),
		.store = &parts->store,
		.recorder = parts->recorder,
		.conditions = parts->conditions,
		.diagnoser = parts->diagnoser,
		.sealer = parts->sealer,
		.ring = parts->ring,
		.ring_bytes = ring_bytes,
		.sources = &parts->sources,
	};

	return r < 0 ? r : api_new(loop, &api, &rig->api);
}

int api_rig_new(struct loop *loop, uint64_t ring_bytes, struct api_rig **ret)
{
	struct api_rig *rig = calloc(1, sizeof(*rig));
	int r = rig ? start(rig, loop, ring_bytes) : -ENOMEM;

	if (r < 0) {
		api_rig_free(rig);
		return r;
	}
	recorder_observe(rig->parts.recorder, source_states_observe, &rig->parts.sources);
	recorder_observe(rig->parts.recorder, api_observe, rig->api);
	tell_story(rig);
	*ret = rig;
	return 0;
}

struct api_rig *api_rig_free(struct api_rig *rig)
{
	if (!rig)
		return NULL;
	api_free(rig->api);
	rig_done(&rig->parts);
	free(rig);
	return NULL;
}

struct api *api_rig_api(struct api_rig *rig)
{
	return rig->api;
}

void api_rig_publish(struct api_rig *rig, size_t count, size_t bytes)
{
	char text[EVENT_TEXT_MAX];

	if (bytes > sizeof(text))
		bytes = sizeof(text);
	for (size_t i = 0; i < count; i++) {
		struct event event = {
			.at = clock_now(), .kind = EVENT_NOTE, .source = SOURCE_PERSON};
		uint64_t next = ring_reader_extent(rig->parts.store.reader).next_sequence;
		char head[24];
		int length = snprintf(head, sizeof(head), "%llu ", (unsigned long long)next);

		memset(text, 'x', sizeof(text));
		memcpy(text, head, (size_t)length);
		event.text = text;
		event.text_length = bytes < (size_t)length ? (size_t)length : bytes;
		recorder_feed(rig->parts.recorder, &event);
	}
}

void api_rig_break(struct api_rig *rig)
{
	memset(ring_file_ring(rig->parts.ring)->header, 0xff, sizeof(struct ring_header));
}
