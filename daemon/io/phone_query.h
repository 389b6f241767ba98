/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One short talk with a phone, through usbmuxd and libimobiledevice: what it is in normal mode,
 * what it remembers of its last failure in restore mode. Pairs with nothing, changes nothing, and
 * keeps to a deadline; believes nothing the phone says about sizes. */
#pragma once

#include <stdint.h>

#include "common/base/id.h"
#include "common/triage/event.h"

#define PHONE_VALUE_SIZE 64 /* bytes with the NUL of one value */
/* Bytes of one answer. Panic logs have up to some 100 KiB. */
#define PHONE_ANSWER_MAX (1u << 20)

enum phone_kind {
	PHONE_NO_ANSWER, /* it could not be reached, or said nothing in time */
	PHONE_NONSENSE,	 /* it said what is none of this protocol */
	PHONE_NORMAL,
	PHONE_RESTORE,
};

/* A text that the phone saved of its last failure: clean UTF-8 in one line. */
struct phone_text {
	char text[EVENT_TEXT_MAX + 1];
};

struct phone_answer {
	enum phone_kind kind;
	uint64_t ecid; /* 0 = not told */
	char product[PHONE_VALUE_SIZE];
	char board[PHONE_VALUE_SIZE];
	char version[PHONE_VALUE_SIZE]; /* normal mode alone */
	char build[PHONE_VALUE_SIZE];
	/* Restore mode alone; empty = it remembers none. */
	struct phone_text exit_status, usb_log, panic_log;
};

/* Asks the phone with that UDID (as usbmuxd lists it) what the enum query bits allow. Blocks for at
 * most `limit_us`, and for as long as usbmuxd itself takes to answer, which libusbmuxd limits to
 * some seconds a message. The UDID may not be one of a phone in restore mode unless QUERY_RESTORE
 * stands in `asks`: the first question is put to either. */
void phone_query(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret);
