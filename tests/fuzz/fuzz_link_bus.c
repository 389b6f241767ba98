/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a USB bus and its phones may show, in steps: a byte that says which, two bytes
 * (little-endian) of its length or number, and as many bytes of a record. make_link_bus.c writes
 * the same form. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/link/link_watcher.h"
#include "tests/rig/bus.h"

#define EVENTS_AT_ONCE 200 /* of a device, that come again or not */

struct seen {
	uint64_t events;
	uint64_t attaches;
};

static void check_event(void *user, const struct event *event)
{
	struct seen *seen = user;

	assert(event->source == SOURCE_LINK && event->text_length == 0);
	assert(event->at.monotonic_us >= BUS_START_US);
	assert(memchr(event->name, '\0', sizeof(event->name)));
	assert(text_is_utf8(event->name, strlen(event->name)));
	seen->events++;
}

static void pass(struct link_watcher *watcher, struct stamp *now, uint64_t us)
{
	uint64_t until = now->monotonic_us + us, due, last = 0;

	while ((due = link_watcher_deadline(watcher)) && due <= until) {
		assert(due > last);
		last = due;
		link_watcher_tick(watcher, (struct stamp){due, BUS_WALL_US + due});
	}
	*now = (struct stamp){until, BUS_WALL_US + until};
}

static void attach(struct link_watcher *watcher, struct stamp now, uint16_t number)
{
	static const uint16_t products[] = {
		BUS_PRODUCT_NORMAL, BUS_PRODUCT_RECOVERY, BUS_PRODUCT_DFU, 0x024f};
	struct link_device device = {.bus = 1,
		.address = number >> 2,
		.port = "1-2",
		.vendor = 0x05ac,
		.product = products[number & 3],
		.serial = number & 1 ? BUS_IBOOT_SERIAL : BUS_UDID};

	link_watcher_attach(watcher, &device, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	CLEANUP(link_watcher_freep)
	struct link_watcher *watcher = link_watcher_new(check_event, &seen);
	struct stamp now = {BUS_START_US, BUS_WALL_US + BUS_START_US};

	assert(watcher);
	while (size >= 3) {
		uint16_t number = (uint16_t)(data[1] | data[2] << 8);
		enum bus_item_kind kind = data[0] % (BUS_PASS + 1);

		data += 3;
		size -= 3;
		if (kind == BUS_RECORD) {
			size_t length = number < size ? number : size;

			link_watcher_feed(watcher, now, data, length);
			data += length;
			size -= length;
		} else if (kind == BUS_ATTACH) {
			attach(watcher, now, number);
			seen.attaches++;
		} else if (kind == BUS_DETACH) {
			link_watcher_detach(watcher, 1, number, now);
		} else if (kind == BUS_LOST) {
			link_watcher_lost(watcher, 1, number);
		} else if (kind == BUS_CORRECTED) {
			link_watcher_wire_error(watcher, "1-2", now);
		} else {
			pass(watcher, &now, number * USEC_PER_MSEC);
		}
		assert(link_watcher_memory(watcher) <= LINK_MEMORY_MAX);
	}
	pass(watcher, &now, 100 * USEC_PER_SEC);
	assert(seen.events <=
		seen.attaches *
			(EVENTS_AT_ONCE + 10 * (now.monotonic_us - BUS_START_US) / USEC_PER_SEC));
	return 0;
}
