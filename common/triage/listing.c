/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/listing.h"

#include <string.h>

#include "common/base/text.h"

static bool ought_to_be_shown(enum device_mode mode)
{
	return mode == MODE_NORMAL || mode == MODE_RESTORE || mode == MODE_NORMAL_OR_RESTORE ||
	       mode == MODE_USB_ONLY;
}

void listing_update(
	struct listing *listing, bool on_usb, bool on_mux, enum device_mode mode, uint64_t now_us)
{
	if (!on_usb || on_mux || !ought_to_be_shown(mode))
		*listing = (struct listing){0};
	else if (!listing->missing_us)
		listing->missing_us = now_us;
}

uint64_t listing_deadline(const struct listing *listing)
{
	return listing->missing_us && !listing->told ? listing->missing_us + LISTING_DUE_US : 0;
}

struct event listing_tell(struct listing *listing, bool mux_up, struct stamp now)
{
	struct event error = {.at = now, .kind = EVENT_MUX_ERROR, .source = SOURCE_DAEMON};

	text_copy(error.name, sizeof(error.name),
		mux_up ? "usbmuxd-hides-phone" : "usbmuxd-not-running");
	event_set_text(&error, mux_up ? "the phone is on USB, and usbmuxd does not show it"
				      : "the phone is on USB, and usbmuxd does not run");
	listing->told = true;
	return error;
}
