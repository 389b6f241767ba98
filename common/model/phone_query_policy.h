/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides whether a newly attached phone may be queried, and for what: the law is to do no harm. It
 * sends no query. */
#pragma once

#include <stdint.h>

#include "common/model/bench.h"

/* The allowed queries, as bits. Each is only for a phone in its mode. */
enum query {
	QUERY_NORMAL = 1,  /* model and version of a phone in normal mode */
	QUERY_RESTORE = 2, /* the stored report of the last failure of a phone in restore mode */
};

/* A query is sent right after the attach, before a tool begins its work, or not at all. usbmuxd
 * needs some hundred milliseconds to list a phone in normal mode. */
#define QUERY_WINDOW_US (5 * USEC_PER_SEC)

struct query_policy {
	unsigned allowed;	 /* what the administrator allows */
	uint64_t usb_watched_us; /* monotonic: phones that USB reported before were already there */
};

/* The allowed queries for the phone of this EVENT_MUX_ATTACH; 0 = none. Call this before the event
 * is fed to the bench. There is no query for a phone that was there before, that usbmuxd lists
 * again after its own restart, that USB does not show (its earlier state is then unknown), or that
 * may be in a restore (unless QUERY_RESTORE is allowed). */
unsigned query_due(
	const struct bench *bench, const struct query_policy *policy, const struct event *attach);
