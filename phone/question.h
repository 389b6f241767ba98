/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One short talk with a phone, through usbmuxd and libimobiledevice: what it is in normal mode,
 * what it remembers of its last failure in restore mode. Pairs with nothing, changes nothing, and
 * believes nothing the phone says about sizes. */
#pragma once

#include <stdint.h>

#include "phone/answer.h"

/* Asks the phone with that UDID (as usbmuxd lists it) what the enum query bits allow. Blocks for at
 * most `limit_us`, and for as long as usbmuxd and libimobiledevice take, which is for ever at times
 * (PHONE_DEADLINE_US). The UDID may not be one of a phone in restore mode unless QUERY_RESTORE
 * stands in `asks`: the first question is put to either. */
void talk_ask(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret);
