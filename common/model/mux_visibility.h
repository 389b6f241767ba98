/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether usbmuxd shows a phone that it ought to show: one on USB in normal or restore mode; and
 * what is wrong with usbmuxd where it does not. The clock comes in as an argument; why usbmuxd
 * does so, its own log tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"

/* Debian's usbmuxd is started by udev when a phone comes, and shows the phone within a second. */
#define MUX_VISIBILITY_DUE_US (10 * USEC_PER_SEC)

/* Records that show a fault: usbmuxd's own word on the phone, and that it was missed. */
#define MUX_VISIBILITY_RECORDS_MAX 2

/* usbmuxd as its listener found it. */
struct mux_state {
	bool known;	  /* the listener has said whether it runs */
	bool up;	  /* it runs */
	uint64_t down_us; /* monotonic: when it was last seen to end; 0 = never */
};

/* What is wrong with usbmuxd, seen from one phone. The ids are words of the interface. */
struct mux_fault {
	const char *id;
	const char *text;   /* what is so, for people */
	const char *advice; /* what to do */
	const char *source; /* where that comes from */
};

struct mux_visibility {
	struct stamp missing; /* since when it is not shown; monotonic 0 = shown, or need not be */
	bool shown;	      /* usbmuxd has listed it since it last left USB, and has run since */
	bool told;	      /* of this time without being shown */
	bool refused;	      /* usbmuxd said that the phone's services do not answer it */
	uint64_t records[MUX_VISIBILITY_RECORDS_MAX]; /* sequences of what shows it */
	size_t record_count;
};

/* Takes an attach or detach of USB or usbmuxd, where the phone is seen after it, and in which mode.
 */
void mux_visibility_update(struct mux_visibility *listing, const struct event *link, bool on_usb,
	bool on_mux, enum device_mode mode);
/* Takes that usbmuxd has started: it has its time for the phone anew. */
void mux_visibility_restart(struct mux_visibility *listing, struct stamp now);
/* Takes what usbmuxd says of the phone: an EVENT_MUX_ERROR that was recorded. */
void mux_visibility_hear(struct mux_visibility *listing, const struct event *error);
/* When the phone has not been shown for too long, in monotonic microseconds; 0 = never. */
uint64_t mux_visibility_deadline(const struct mux_visibility *listing);
/* What is to be told of the phone that has not been shown for too long: an EVENT_MUX_ERROR, or an
 * EVENT_USB_ERROR where usbmuxd has dropped it. Kind, name and text are set, the rest is the
 * caller's. */
struct event mux_visibility_tell(
	struct mux_visibility *listing, const struct mux_state *mux, struct stamp now);
/* What is wrong now, once it was told; NULL = nothing that is known. */
const struct mux_fault *mux_visibility_fault(
	const struct mux_visibility *listing, const struct mux_state *mux);
