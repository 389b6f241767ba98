/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/mux_visibility.h"

#include <assert.h>

#include "common/base/macro.h"
#include "common/base/text.h"

/* If usbmuxd exits this short a time before a phone appears, the phone's absence is the cause: it
 * was told to exit when the phone left, and nothing restarts it for the return. */
#define RACE_US (1 * USEC_PER_SEC)

/* The signs of linksigns.txt that have advice. */
static const struct mux_fault faults[] = {
#include "common/knowledge/mux_faults.inc"
};

/* Finds a sign of that table. */
static const struct mux_fault *fault_by_id(const char *id)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(faults) && !text_equal(faults[i].id, id))
		i++;
	assert(i < ARRAY_SIZE(faults));
	return &faults[i];
}

static bool ought_to_be_shown(enum device_mode mode)
{
	return mode == MODE_NORMAL || mode == MODE_RESTORE || mode == MODE_NORMAL_OR_RESTORE ||
	       mode == MODE_USB_ONLY;
}

/* usbmuxd may report the phone's departure only after its return. What it listed before that is the
 * earlier attach. */
static bool is_shown(const struct mux_visibility *listing, enum event_kind kind)
{
	return kind == EVENT_MUX_ATTACH || (listing->shown && kind != EVENT_DETACH);
}

void mux_visibility_update(struct mux_visibility *listing, const struct event *link, bool on_usb,
	bool on_mux, enum device_mode mode)
{
	listing->shown = is_shown(listing, link->kind);
	if (!on_usb || on_mux || !ought_to_be_shown(mode))
		*listing = (struct mux_visibility){.shown = listing->shown};
	else if (!listing->missing.monotonic_us)
		listing->missing = link->at;
}

void mux_visibility_wait(struct mux_visibility *listing, struct stamp now)
{
	if (listing->missing.monotonic_us)
		*listing = (struct mux_visibility){.missing = now, .shown = listing->shown};
}

void mux_visibility_restart(struct mux_visibility *listing, struct stamp now)
{
	mux_visibility_wait(listing, now);
	listing->shown = false;
}

static void add_record(struct mux_visibility *listing, uint64_t sequence)
{
	if (sequence && listing->record_count < MUX_VISIBILITY_RECORDS_MAX)
		listing->records[listing->record_count++] = sequence;
}

void mux_visibility_hear(struct mux_visibility *listing, const struct event *error)
{
	if (!listing->missing.monotonic_us || listing->record_count == MUX_VISIBILITY_RECORDS_MAX)
		return;
	listing->refused |= text_equal(error->name, "usbmuxd-preflight-failed");
	add_record(listing, error->sequence);
}

uint64_t mux_visibility_deadline(const struct mux_visibility *listing)
{
	return listing->missing.monotonic_us && !listing->told
		       ? listing->missing.monotonic_us + MUX_VISIBILITY_DUE_US
		       : 0;
}

/* The fault for a missing phone. usbmuxd 1.1.1 removes a phone only if a transfer fails, the phone
 * leaves the bus, or usbmuxd exits (usb.c). So if the phone is on USB and usbmuxd runs, a transfer
 * has failed. */
static const char *find_fault(const struct mux_visibility *listing, const struct mux_state *mux)
{
	if (mux->up && listing->shown)
		return "usbmuxd-dropped-phone";
	if (mux->up)
		return listing->refused ? "usbmuxd-preflight-failed" : "usbmuxd-hides-phone";
	if (mux->down_us && mux->down_us + RACE_US >= listing->missing.monotonic_us)
		return "usbmuxd-left-phone";
	/* Not "usbmuxd-not-running": tools print that for every phone that does not return. */
	return "usbmuxd-down";
}

struct event mux_visibility_tell(
	struct mux_visibility *listing, const struct mux_state *mux, struct stamp now)
{
	const struct mux_fault *fault = fault_by_id(find_fault(listing, mux));
	struct event error = {.at = now, .kind = fault->kind, .source = SOURCE_DAEMON};

	text_copy(error.name, sizeof(error.name), fault->id);
	event_set_text(&error, fault->text);
	listing->told = true;
	return error;
}

const struct mux_fault *mux_visibility_fault(
	const struct mux_visibility *listing, const struct mux_state *mux)
{
	if (!mux->known || !listing->told)
		return NULL;
	return fault_by_id(find_fault(listing, mux));
}
