/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phones that are followed, and the records of usbmon: Documentation/usb/usbmon.rst. */
#include "common/link/link_watcher.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/link/private.h"
#include "common/model/usb_identity.h"

#define TOKENS_MAX 100	 /* events that a device may send at once */
#define TOKENS_SPARED 50 /* of them, not for progress and rates, which repeat */
#define TOKEN_US (USEC_PER_SEC / 10)
#define BATCH_US (60 * USEC_PER_SEC) /* no batch is older; else a clock was changed */

_Static_assert(
	sizeof(struct link_watcher) +
			LINK_DEVICES_MAX * (sizeof(struct device) + DIALOGUES_MAX * DIRECTIONS *
									    MESSAGE_BINARY_MAX) <=
		LINK_MEMORY_MAX,
	"the memory is bounded");

/* -- what a device reports -- */

struct event device_event(const struct device *device, struct stamp at, enum event_kind kind)
{
	struct event event = {.at = at, .kind = kind, .source = SOURCE_LINK, .ecid = device->ecid};

	memcpy(event.port, device->port, sizeof(event.port));
	memcpy(event.udid, device->udid, sizeof(event.udid));
	return event;
}

void device_emit(struct device *device, const struct event *event)
{
	uint64_t refilled = (event->at.monotonic_us - device->tokens_us) / TOKEN_US;
	bool spared = event->kind == EVENT_PROGRESS || event->kind == EVENT_LINK_RATE;

	if (event->at.monotonic_us > device->tokens_us && refilled > 0) {
		device->tokens = refilled > TOKENS_MAX - device->tokens
					 ? TOKENS_MAX
					 : device->tokens + (uint32_t)refilled;
		device->tokens_us = event->at.monotonic_us;
	}
	if (device->tokens <= (spared ? TOKENS_SPARED : 0)) {
		device->watcher->stats.withheld++;
		return;
	}
	device->tokens--;
	device->watcher->sink(device->watcher->user, event);
}

void device_emit_number(
	struct device *device, struct stamp at, enum event_kind kind, uint32_t number)
{
	struct event event = device_event(device, at, kind);

	event.number = number;
	device_emit(device, &event);
}

void device_emit_name(
	struct device *device, struct stamp at, enum event_kind kind, const char *name)
{
	struct event event = device_event(device, at, kind);

	text_copy(event.name, sizeof(event.name), name);
	device_emit(device, &event);
}

void device_set_stage(struct device *device, struct stamp at, enum restore_stage stage)
{
	if (device->stage == stage)
		return;
	device->stage = stage;
	device_emit_number(device, at, EVENT_STAGE, stage);
	device_set_step(device, at, restore_stage_name(stage));
}

void device_set_turn(struct device *device, struct stamp at, enum turn turn)
{
	device->turn = turn;
	device->turn_us = at.monotonic_us;
}

/* -- devices -- */

struct link_watcher *link_watcher_new(event_sink *sink, void *user)
{
	struct link_watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->sink = sink;
	watcher->user = user;
	return watcher;
}

static void device_free(struct device **place)
{
	struct device *device = *place;

	if (!device)
		return;
	for (size_t i = 0; i < DIALOGUES_MAX; i++)
		dialogue_end(&device->dialogues[i]);
	free(device);
	*place = NULL;
}

struct link_watcher *link_watcher_free(struct link_watcher *watcher)
{
	if (!watcher)
		return NULL;
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++)
		device_free(&watcher->devices[i]);
	free(watcher);
	return NULL;
}

/* The time of a device does not go back, whatever a record says. */
static struct stamp device_time(struct device *device, struct stamp at)
{
	if (at.monotonic_us > device->now.monotonic_us)
		device->now = at;
	return device->now;
}

static struct device **find_device(
	const struct link_watcher *watcher, uint32_t bus, uint32_t address)
{
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++)
		if (watcher->devices[i] && watcher->devices[i]->bus == bus &&
			watcher->devices[i]->address == address)
			return (struct device **)&watcher->devices[i];
	return NULL;
}

bool link_watcher_attach(
	struct link_watcher *watcher, const struct link_device *device, struct stamp now)
{
	enum device_mode mode = usb_product_mode(device->product);
	struct usb_identity identity;
	struct device *phone;

	link_watcher_detach(watcher, device->bus, device->address, now);
	if (device->vendor != USB_VENDOR_APPLE || mode == MODE_UNKNOWN)
		return false;
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++) {
		if (watcher->devices[i])
			continue;
		phone = calloc(1, sizeof(*phone));
		if (!phone)
			return false;
		identity = usb_identity_read(device->product, device->serial);
		*phone = (struct device){.watcher = watcher,
			.bus = device->bus,
			.address = device->address,
			.mode = mode,
			.ecid = identity.ecid,
			.permille = -1,
			.now = now,
			.tokens = TOKENS_MAX,
			.tokens_us = now.monotonic_us};
		text_copy(phone->port, sizeof(phone->port), device->port);
		text_copy(phone->udid, sizeof(phone->udid), identity.udid);
		watcher->devices[i] = phone;
		return true;
	}
	return false;
}

void link_watcher_detach(
	struct link_watcher *watcher, uint32_t bus, uint32_t address, struct stamp now)
{
	struct device **place = find_device(watcher, bus, address);

	if (!place)
		return;
	now = device_time(*place, now);
	rate_report(*place, now);
	if ((*place)->awaited)
		device_emit_name(*place, now, EVENT_WAIT, (*place)->awaited);
	device_free(place);
}

enum link_service link_watcher_service(
	const struct link_watcher *watcher, uint32_t bus, uint32_t address)
{
	struct device **place = find_device(watcher, bus, address);

	return place ? (*place)->service : LINK_SERVICE_UNKNOWN;
}

/* -- records -- */

enum record_type { RECORD_SUBMITTED = 'S', RECORD_COMPLETED = 'C', RECORD_REFUSED = 'E' };
enum transfer_type { TRANSFER_CONTROL = 2, TRANSFER_BULK = 3 };

/* The part of struct usbmon_packet that is used. */
struct record {
	uint64_t id;
	uint8_t type, transfer, endpoint, address;
	uint16_t bus;
	char no_setup, no_data; /* 0 = there is one */
	int64_t seconds;
	int32_t microseconds;
	int32_t status;
	uint32_t length, captured;
	uint8_t setup[8];
};

/* In the byte order of this computer, as the kernel wrote it. */
static bool read_record(const uint8_t *bytes, size_t length, struct record *ret)
{
	if (length < LINK_RECORD_SIZE)
		return false;
	memcpy(&ret->id, bytes, 8);
	ret->type = bytes[8];
	ret->transfer = bytes[9];
	ret->endpoint = bytes[10];
	ret->address = bytes[11];
	memcpy(&ret->bus, bytes + 12, 2);
	ret->no_setup = (char)bytes[14];
	ret->no_data = (char)bytes[15];
	memcpy(&ret->seconds, bytes + 16, 8);
	memcpy(&ret->microseconds, bytes + 24, 4);
	memcpy(&ret->status, bytes + 28, 4);
	memcpy(&ret->length, bytes + 32, 4);
	memcpy(&ret->captured, bytes + 36, 4);
	memcpy(ret->setup, bytes + 40, 8);
	return true;
}

/* The time of a record on both clocks. */
static struct stamp record_time(struct stamp now, const struct record *record)
{
	uint64_t wall, ago;

	if (record->seconds < 0 || record->microseconds < 0 ||
		record->microseconds >= (int32_t)USEC_PER_SEC)
		return now;
	wall = (uint64_t)record->seconds * USEC_PER_SEC + (uint64_t)record->microseconds;
	ago = now.wall_us - wall;
	if (wall > now.wall_us || ago > BATCH_US || ago >= now.monotonic_us)
		return now;
	return (struct stamp){.monotonic_us = now.monotonic_us - ago, .wall_us = wall};
}

static void read_control(struct device *device, struct stamp at, const struct record *record,
	const uint8_t *bytes, size_t captured)
{
	if (record->type == RECORD_SUBMITTED && device_mode_is_boot(device->mode) &&
		!record->no_setup)
		iboot_request(device, at, record->setup, bytes, captured);
	/* iBoot's own requests bring the bytes of a file in DFU mode. */
	else if (record->type == RECORD_COMPLETED && device->mode != MODE_RECOVERY &&
		 device_mode_is_boot(device->mode) && !(record->endpoint & USB_IN))
		iboot_completed(device, at, record->status, record->length);
}

/* Data to the phone comes with the submission, from the phone with the completion. */
static void read_bulk(struct device *device, struct stamp at, const struct record *record,
	const uint8_t *bytes, size_t captured)
{
	bool in = record->endpoint & USB_IN;
	bool carries = record->type == (in ? RECORD_COMPLETED : RECORD_SUBMITTED);

	if (!carries && !in && device_mode_is_boot(device->mode))
		iboot_completed(device, at, record->status, record->length);
	if (!carries || record->length == 0 || record->length > INT32_MAX)
		return;
	if (!device_mode_is_boot(device->mode))
		mux_feed(device, at, record->endpoint, bytes, captured, record->length);
	else if (!in)
		iboot_bulk(device, at, bytes, captured);
}

static void read_transfer(struct device *device, struct stamp at, const struct record *record,
	const uint8_t *bytes, size_t captured)
{
	switch (record->type) {
	case RECORD_SUBMITTED:
		transfers_submitted(device, at, record->id, record->endpoint);
		break;
	case RECORD_COMPLETED:
		transfers_completed(
			device, at, record->id, record->endpoint, record->status, record->length);
		break;
	case RECORD_REFUSED:
		/* It was never on the bus. */
		transfers_completed(device, at, record->id, record->endpoint, 0, 0);
		return;
	default:
		device->watcher->stats.invalid++;
		return;
	}
	if (record->transfer == TRANSFER_CONTROL)
		read_control(device, at, record, bytes, captured);
	else
		read_bulk(device, at, record, bytes, captured);
}

void link_watcher_feed(
	struct link_watcher *watcher, struct stamp now, const void *bytes, size_t length)
{
	const uint8_t *payload = (const uint8_t *)bytes + LINK_RECORD_SIZE;
	struct device **place;
	struct record record;
	size_t captured;

	watcher->stats.records++;
	if (!read_record(bytes, length, &record)) {
		watcher->stats.invalid++;
		return;
	}
	if (record.transfer != TRANSFER_CONTROL && record.transfer != TRANSFER_BULK)
		return;
	place = find_device(watcher, record.bus, record.address);
	if (!place) {
		watcher->stats.foreign++;
		return;
	}
	captured = record.captured;
	if (captured > length - LINK_RECORD_SIZE || captured > record.length) {
		watcher->stats.invalid++;
		captured = record.length < length - LINK_RECORD_SIZE ? record.length
								     : length - LINK_RECORD_SIZE;
	}
	if (record.no_data)
		captured = 0;
	read_transfer(
		*place, device_time(*place, record_time(now, &record)), &record, payload, captured);
}

void link_watcher_lost(struct link_watcher *watcher, uint32_t bus, uint32_t records)
{
	watcher->stats.lost += records;
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++)
		if (watcher->devices[i] && watcher->devices[i]->bus == bus) {
			transfers_forget(watcher->devices[i]);
			mux_gap(watcher->devices[i]);
		}
}

void link_watcher_wire_error(struct link_watcher *watcher, const char *port, struct stamp at)
{
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++)
		if (watcher->devices[i] && text_equal(watcher->devices[i]->port, port))
			fault_add(watcher->devices[i], device_time(watcher->devices[i], at),
				EVENT_LINK_CORRECTED, 0, 0);
}

void link_watcher_tick(struct link_watcher *watcher, struct stamp now)
{
	for (size_t i = 0; i < LINK_DEVICES_MAX; i++)
		if (watcher->devices[i])
			transfers_tick(watcher->devices[i], device_time(watcher->devices[i], now));
}

uint64_t link_watcher_deadline(const struct link_watcher *watcher)
{
	uint64_t deadline = 0;

	for (size_t i = 0; i < LINK_DEVICES_MAX; i++) {
		uint64_t due = watcher->devices[i] ? transfers_deadline(watcher->devices[i]) : 0;

		if (due && (!deadline || due < deadline))
			deadline = due;
	}
	return deadline;
}

struct link_watcher_stats link_watcher_stats(const struct link_watcher *watcher)
{
	return watcher->stats;
}

size_t link_watcher_memory(const struct link_watcher *watcher)
{
	size_t bytes = sizeof(*watcher);

	for (size_t i = 0; i < LINK_DEVICES_MAX; i++) {
		const struct device *device = watcher->devices[i];

		if (!device)
			continue;
		bytes += sizeof(*device);
		for (size_t j = 0; j < DIALOGUES_MAX * DIRECTIONS; j++)
			if (device->dialogues[j / DIRECTIONS].readers[j % DIRECTIONS].binary)
				bytes += MESSAGE_BINARY_MAX;
	}
	return bytes;
}
