/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a phone that has just come may be asked something, and what: the law is to do no harm. It
 * asks nobody. */
#pragma once

#include <stdint.h>

#include "common/model/bench.h"

/* What may be asked, as bits. A phone in one mode is asked nothing meant for the other. */
enum query {
	QUERY_NORMAL = 1,  /* model and version of a phone in normal mode */
	QUERY_RESTORE = 2, /* what a phone in restore mode remembers of its last failure */
};

/* A question is asked right after the attach, before a tool begins its work, or not at all. Normal
 * mode takes usbmuxd some hundred milliseconds to show. */
#define QUERY_WINDOW_US (5 * USEC_PER_SEC)

struct query_policy {
	unsigned allowed;	 /* what the administrator allows */
	uint64_t usb_watched_us; /* monotonic: what USB told before that was there already */
};

/* What the phone of this EVENT_MUX_ATTACH may be asked; 0 = nothing. To be called before the event
 * is fed to the bench. Nothing is asked of a phone that was there before, that usbmuxd lists anew
 * after its own restart, that USB does not show, for then nobody knows what it was before, or,
 * unless QUERY_RESTORE is allowed, that may be in a restore. */
unsigned query_due(
	const struct bench *bench, const struct query_policy *policy, const struct event *attach);
