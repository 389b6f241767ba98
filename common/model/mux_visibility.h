/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether usbmuxd lists each phone that it should list (on USB in normal or restore mode), and the
 * fault of usbmuxd if it does not. It reads no clock and no log. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"

/* On Debian, udev starts usbmuxd when a phone attaches, and usbmuxd lists the phone within a
 * second. */
#define MUX_VISIBILITY_DUE_US (10 * USEC_PER_SEC)

/* Records that show a fault: usbmuxd's own message about the phone, and the record that it is
 * missing. */
#define MUX_VISIBILITY_RECORDS_MAX 2

/* The state of usbmuxd, as seen by its source. */
struct mux_state {
	bool known;	  /* the source has reported whether it runs */
	bool up;	  /* it runs */
	uint64_t down_us; /* monotonic: its last observed exit; 0 = never */
};

/* A fault of usbmuxd for one phone. The ids are words of the interface. */
struct mux_fault {
	const char *id;
	enum event_kind kind; /* EVENT_MUX_ERROR, or EVENT_USB_ERROR if usbmuxd dropped the phone */
	const char *text;     /* the fault, for people */
	const char *advice;   /* what to do */
	const char *source;   /* the source of this fact */
};

struct mux_visibility {
	struct stamp missing; /* unlisted since; monotonic 0 = listed, or not expected */
	bool shown;   /* usbmuxd has listed it since it last left USB, and has been running since */
	bool told;    /* this absence has been reported */
	bool refused; /* usbmuxd reported that the phone's services do not answer */
	uint64_t records[MUX_VISIBILITY_RECORDS_MAX]; /* sequences of what shows it */
	size_t record_count;
};

/* Handles an attach or detach of USB or usbmuxd, with the phone's presence and mode after it. */
void mux_visibility_update(struct mux_visibility *listing, const struct event *link, bool on_usb,
	bool on_mux, enum device_mode mode);
/* Restarts the time limit for the phone, such as when the daemon learns that usbmuxd runs. */
void mux_visibility_wait(struct mux_visibility *listing, struct stamp now);
/* Handles a start of usbmuxd: its time limit for the phone starts again. */
void mux_visibility_restart(struct mux_visibility *listing, struct stamp now);
/* Handles a message of usbmuxd about the phone: a recorded EVENT_MUX_ERROR. */
void mux_visibility_hear(struct mux_visibility *listing, const struct event *error);
/* The time after which the phone counts as missing, in monotonic microseconds; 0 = never. */
uint64_t mux_visibility_deadline(const struct mux_visibility *listing);
/* The event to record for a missing phone. Kind, name and text are set; the caller sets the rest.
 */
struct event mux_visibility_tell(
	struct mux_visibility *listing, const struct mux_state *mux, struct stamp now);
/* The current fault, after it was reported; NULL = none known. */
const struct mux_fault *mux_visibility_fault(
	const struct mux_visibility *listing, const struct mux_state *mux);
