/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether usbmuxd shows a phone that it ought to show: one on USB in normal or restore mode. The
 * clock comes in as an argument. */
/* It decides nothing about why not; what usbmuxd itself says comes from its log. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/triage/event.h"

/* Debian's usbmuxd is started by udev when a phone comes, and shows the phone within a second. */
#define LISTING_DUE_US (10 * USEC_PER_SEC)

struct listing {
	uint64_t missing_us; /* monotonic: since when it is not shown; 0 = shown, or need not be */
	bool told;	     /* of this time without being shown */
};

/* Takes where the phone is seen now, and in which mode. */
void listing_update(
	struct listing *listing, bool on_usb, bool on_mux, enum device_mode mode, uint64_t now_us);
/* When the phone has not been shown for too long, in monotonic microseconds; 0 = never. */
uint64_t listing_deadline(const struct listing *listing);
/* What is to be told of the phone that has not been shown for too long; `mux_up` = usbmuxd runs.
 * Kind, name and text are set, the rest is the caller's. */
struct event listing_tell(struct listing *listing, bool mux_up, struct stamp now);
