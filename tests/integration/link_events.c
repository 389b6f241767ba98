/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the events that the watcher makes of a recorded bus, or that the reader of logs makes of a
 * tool's log, in the same form.
 *
 *   link_events bus|log FILE
 *
 * A recording has steps as fuzz_link_bus.c reads them; linktap.py writes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/link/link_watcher.h"
#include "common/logs/toollog.h"
#include "tests/rig/bus.h"

#define FILE_BYTES_MAX (64 * 1024 * 1024)

static void print_event(void *user, const struct event *event)
{
	printf("%s|%s|%u|%" PRId64 "|%u|%d\n", event_kind_name(event->kind), event->name,
		event->number, event->code, event->flag, event->permille);
}

static struct stamp stamp_at(uint64_t us)
{
	return (struct stamp){BUS_START_US + us, BUS_WALL_US + BUS_START_US + us};
}

static void play(const uint8_t *data, size_t size)
{
	CLEANUP(link_watcher_freep)
	struct link_watcher *watcher = link_watcher_new(print_event, NULL);
	struct link_device device = {.bus = 1,
		.address = 1,
		.port = "1-2",
		.vendor = 0x05ac,
		.product = BUS_PRODUCT_NORMAL,
		.serial = BUS_UDID};
	uint64_t us = 0;

	while (watcher && size >= 3) {
		size_t number = (size_t)data[1] | (size_t)data[2] << 8;
		enum bus_item_kind kind = data[0];

		data += 3;
		size -= 3;
		if (kind == BUS_RECORD) {
			if (number > size)
				number = size;
			link_watcher_feed(watcher, stamp_at(us), data, number);
			data += number;
			size -= number;
		} else if (kind == BUS_ATTACH) {
			link_watcher_attach(watcher, &device, stamp_at(us));
		} else if (kind == BUS_PASS) {
			us += number * USEC_PER_MSEC;
			link_watcher_tick(watcher, stamp_at(us));
		}
	}
}

static void read_log(const char *text, size_t length)
{
	CLEANUP(toollog_freep) struct toollog *log = toollog_new(print_event, NULL);

	if (!log)
		return;
	toollog_feed(log, stamp_at(0), text, length);
	toollog_finish(log, stamp_at(0));
}

int main(int argc, char **argv)
{
	CLEANUP(freep) uint8_t *bytes = malloc(FILE_BYTES_MAX);
	FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
	size_t length;

	if (!file || !bytes) {
		fprintf(stderr, "usage: link_events bus|log FILE\n");
		return 2;
	}
	length = fread(bytes, 1, FILE_BYTES_MAX, file);
	fclose(file);
	if (strcmp(argv[1], "bus") == 0)
		play(bytes, length);
	else
		read_log((const char *)bytes, length);
	return 0;
}
