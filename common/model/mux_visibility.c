/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/mux_visibility.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

/* usbmuxd that ends so shortly before a phone comes ends because of it: it was asked to when the
 * phone left, and nothing starts it for the phone's return. */
#define RACE_US (1 * USEC_PER_SEC)

#define RESTART "Restart it: systemctl restart usbmuxd."

/* Not "usbmuxd-not-running": tools say that of every phone that does not return (signs.txt). */
static const struct mux_fault not_running = {
	.id = "usbmuxd-down",
	.text = "the phone is on USB, and usbmuxd does not run",
	.advice =
		"Start it: systemctl start usbmuxd. `idevicetriage doctor` tells why udev did not.",
	.source = "usbmuxd's udev rules start it with the first phone",
};

static const struct mux_fault left_phone = {
	.id = "usbmuxd-left-phone",
	.text = "usbmuxd has ended with the phone attached: it is on USB, and no program reaches "
		"it",
	.advice = RESTART " `idevicetriage doctor` tells how to keep it running.",
	.source = "https://github.com/libimobiledevice/usbmuxd/issues/85",
};

static const struct mux_fault hides_phone = {
	.id = "usbmuxd-hides-phone",
	.text = "the phone is on USB, and usbmuxd, which runs, does not show it: it had no answer "
		"from the phone",
	.advice = "Unplug the phone and plug it in again; if that does not help, restart usbmuxd: "
		  "systemctl restart usbmuxd.",
	.source = "usbmuxd 1.1.1, device.c: a device is shown once its version came",
};

static const struct mux_fault refuses_phone = {
	.id = "usbmuxd-preflight-failed",
	.text = "the phone is on USB, and usbmuxd hides it, for its services did not answer",
	.advice = "Unplug the phone and plug it in again; if that does not help, restart usbmuxd: "
		  "systemctl restart usbmuxd.",
	.source = "usbmuxd 1.1.1, preflight.c",
};

/* usbmuxd 1.1.1 removes a phone when a transfer fails, when it leaves the bus, or at its own end,
 * and for no other reason (usb.c): with the phone on USB and usbmuxd alive, a transfer has failed.
 */
static const struct mux_fault dropped_phone = {
	.id = "usbmuxd-dropped-phone",
	.text = "a USB transfer to the phone failed: usbmuxd is running and has dropped the phone, "
		"which is still on USB",
	.advice =
		"Use another cable and another port of the computer, and plug the phone in again.",
	.source = "usbmuxd 1.1.1, usb.c: a device is removed where a transfer failed",
};

static bool ought_to_be_shown(enum device_mode mode)
{
	return mode == MODE_NORMAL || mode == MODE_RESTORE || mode == MODE_NORMAL_OR_RESTORE ||
	       mode == MODE_USB_ONLY;
}

/* usbmuxd may report only after the phone's return that it has left. What it listed before that is
 * not the phone that came. */
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

void mux_visibility_restart(struct mux_visibility *listing, struct stamp now)
{
	if (listing->missing.monotonic_us)
		*listing = (struct mux_visibility){.missing = now};
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
	listing->refused |= text_equal(error->name, refuses_phone.id);
	add_record(listing, error->sequence);
}

uint64_t mux_visibility_deadline(const struct mux_visibility *listing)
{
	return listing->missing.monotonic_us && !listing->told
		       ? listing->missing.monotonic_us + MUX_VISIBILITY_DUE_US
		       : 0;
}

/* Of a phone that is missing. */
static const struct mux_fault *find_fault(
	const struct mux_visibility *listing, const struct mux_state *mux)
{
	if (mux->up && listing->shown)
		return &dropped_phone;
	if (mux->up)
		return listing->refused ? &refuses_phone : &hides_phone;
	if (mux->down_us && mux->down_us + RACE_US >= listing->missing.monotonic_us)
		return &left_phone;
	return &not_running;
}

struct event mux_visibility_tell(
	struct mux_visibility *listing, const struct mux_state *mux, struct stamp now)
{
	struct event error = {.at = now, .kind = EVENT_MUX_ERROR, .source = SOURCE_DAEMON};
	const struct mux_fault *fault = find_fault(listing, mux);

	if (fault == &dropped_phone)
		error.kind = EVENT_USB_ERROR;
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
	return find_fault(listing, mux);
}
