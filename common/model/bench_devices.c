/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phones of the bench: which event is about which, and where each is. */
#include <string.h>

#include "common/base/text.h"
#include "common/model/bench_private.h"

size_t bench_device_count(const struct bench *bench)
{
	return bench->device_count;
}

const struct bench_device *bench_device(const struct bench *bench, size_t index)
{
	return &bench->devices[index];
}

struct bench_device *bench_device_of(struct bench *bench, const struct identity *identity)
{
	for (size_t i = 0; i < bench->device_count; i++)
		if (identity_matches(&bench->devices[i].identity, identity))
			return &bench->devices[i];
	return NULL;
}

static struct bench_device *find_at_port(struct bench *bench, const char *port)
{
	for (size_t i = 0; port[0] && i < bench->device_count; i++)
		if (bench->devices[i].on_usb && text_equal(bench->devices[i].port, port))
			return &bench->devices[i];
	return NULL;
}

/* The phone that just left this port and could be the same one. */
static struct bench_device *find_returning(
	struct bench *bench, const struct event *event, const struct identity *identity)
{
	for (size_t i = 0; event->port[0] && i < bench->device_count; i++) {
		struct bench_device *device = &bench->devices[i];
		const struct identity *known = &device->identity;

		if (device->mode == MODE_GONE && text_equal(device->port, event->port) &&
			event->at.monotonic_us <=
				device->changed.monotonic_us + BENCH_JOIN_WINDOW_US &&
			!(known->ecid && identity->ecid) && !(known->udid[0] && identity->udid[0]))
			return device;
	}
	return NULL;
}

struct bench_device *bench_add_device(struct bench *bench)
{
	struct bench_device *device = NULL;

	if (bench->device_count < BENCH_DEVICES_MAX) {
		device = &bench->devices[bench->device_count++];
	} else {
		for (size_t i = 0; i < BENCH_DEVICES_MAX; i++) {
			struct bench_device *other = &bench->devices[i];

			if (other->mode == MODE_GONE &&
				(!device || other->changed.wall_us < device->changed.wall_us))
				device = other;
		}
	}
	if (device)
		*device = (struct bench_device){.mode = MODE_GONE};
	return device;
}

/* A phone in the middle of a restore that is back at its port under its other key, and was seen
 * under that key before: its two rows are one. Returns the row that remains. */
static struct bench_device *join_rows(
	struct bench *bench, struct bench_device *known, const struct event *event)
{
	const struct identity identity = event_identity(event);
	struct bench_device *returning = find_returning(bench, event, &identity);
	struct bench_device *last = &bench->devices[bench->device_count - 1];

	if (!returning || returning == known || known->mode != MODE_GONE ||
		(known->identity.ecid && known->identity.udid[0]) ||
		!bench_running_session(bench, &returning->identity))
		return known;
	identity_merge(&returning->identity, &known->identity);
	*known = *last;
	bench->device_count--;
	return returning == last ? known : returning;
}

struct bench_device *bench_locate_device(struct bench *bench, const struct event *event)
{
	struct identity identity = event_identity(event);
	bool attach = event->kind == EVENT_ATTACH || event->kind == EVENT_MUX_ATTACH;
	struct bench_device *device = NULL;

	if (identity_is_known(&identity))
		device = bench_device_of(bench, &identity);
	if (device && attach)
		device = join_rows(bench, device, event);
	if (!device && !attach)
		device = find_at_port(bench, event->port);
	/* Errors while the phone tries to return show what prevents it. */
	if (!device && (attach || event->kind == EVENT_USB_ERROR))
		device = find_returning(bench, event, &identity);
	if (!device && attach)
		device = bench_add_device(bench);
	if (device && identity_is_known(&identity))
		identity_merge(&device->identity, &identity);
	return device;
}

/* Whether a phone without an ECID is there in a mode that may be this one, or was a moment ago. */
static bool may_be_in(const struct bench_device *device, enum device_mode mode, uint64_t now_us)
{
	if (device->identity.ecid || !device->identity.udid[0])
		return false;
	if (device->mode == MODE_GONE)
		return now_us <= device->left_us + BENCH_JOIN_WINDOW_US;
	return device->on_usb && (device->mode == mode || device->mode == MODE_NORMAL_OR_RESTORE ||
					 device->mode == MODE_USB_ONLY);
}

struct bench_device *bench_claim_device(struct bench *bench, const struct identity *identity,
	enum device_mode mode, uint64_t now_us)
{
	struct bench_device *found = NULL;
	struct identity claimed;

	for (size_t i = 0; i < bench->device_count; i++) {
		if (!may_be_in(&bench->devices[i], mode, now_us))
			continue;
		if (found || bench_running_session(bench, &bench->devices[i].identity))
			return NULL;
		found = &bench->devices[i];
	}
	if (!found || found->mode == MODE_GONE)
		return NULL;
	/* Its row under the ECID, from when it was in recovery or DFU mode, has left. */
	claimed = found->identity;
	bench_forget_device(bench, identity);
	found = bench_device_of(bench, &claimed);
	found->identity.ecid = identity->ecid;
	return found;
}

/* A very short contact may be too short to read the program. */
static void learn_program(struct bench_device *device, const struct event *event)
{
	struct boot_program program = boot_program_of(event);

	if (program.known || !device_mode_is_boot(event->mode))
		device->program = program;
}

void bench_update_device(
	struct bench_device *device, const struct session *session, const struct event *event)
{
	bool usb = event->source == SOURCE_USB;
	bool attach = event->kind == EVENT_ATTACH || event->kind == EVENT_MUX_ATTACH;
	bool *seen = usb ? &device->on_usb : &device->on_mux;

	/* usbmuxd may see a phone before the USB source does, and on another port than last. */
	if (event->port[0] || (attach && !usb && !device->on_usb))
		text_copy(device->port, sizeof(device->port), event->port);
	*seen = attach;
	if (usb && attach)
		learn_program(device, event);
	if (attach) {
		device->mode = session ? session_resolve_mode(session, event->mode, event->at)
				       : event->mode;
		device->changed = event->at;
	} else if (!device->on_usb && (usb || !device->on_mux)) {
		device->left_mode =
			device->mode == MODE_USB_ONLY ? device->listed_mode : device->mode;
		device->mode = MODE_GONE;
		device->left_us = event->at.monotonic_us;
		device->changed = event->at;
	} else if (device->on_usb) {
		if (device->mode != MODE_USB_ONLY)
			device->listed_mode = device->mode;
		device->mode = MODE_USB_ONLY;
	}
	mux_visibility_update(
		&device->listing, event, device->on_usb, device->on_mux, device->mode);
}

void bench_forget_device(struct bench *bench, const struct identity *identity)
{
	size_t kept = 0;

	for (size_t i = 0; i < bench->device_count; i++)
		if (bench->devices[i].mode != MODE_GONE ||
			!identity_matches(&bench->devices[i].identity, identity))
			bench->devices[kept++] = bench->devices[i];
	bench->device_count = kept;
}

static bool names_identity(const char *name, const struct identity *identity)
{
	struct identity wanted = {0};

	if (udid_normalize(name, wanted.udid) == 0)
		return text_equal(wanted.udid, identity->udid) ||
		       (udid_ecid(wanted.udid) && udid_ecid(wanted.udid) == identity->ecid);
	return ecid_parse(name, &wanted.ecid) == 0 && wanted.ecid == identity->ecid;
}

const struct bench_device *bench_find_device(const struct bench *bench, const char *name)
{
	for (size_t i = 0; i < bench->device_count; i++) {
		const struct bench_device *device = &bench->devices[i];

		if (names_identity(name, &device->identity) ||
			(name[0] && device->mode != MODE_GONE && text_equal(name, device->port)))
			return device;
	}
	return NULL;
}

bool bench_find_identity(const struct bench *bench, const char *name, struct identity *ret)
{
	const struct bench_device *device = bench_find_device(bench, name);

	if (device) {
		*ret = device->identity;
		return true;
	}
	for (size_t i = bench->session_count; i > 0; i--) {
		const struct session *session = bench->sessions[i - 1];

		if (names_identity(name, &session->identity) ||
			(name[0] && text_equal(name, session->attempt.port))) {
			*ret = session->identity;
			return true;
		}
	}
	return false;
}
