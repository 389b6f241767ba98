/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One short talk with a phone, through usbmuxd and libimobiledevice: what it is in normal mode,
 * what it remembers of its last failure in restore mode. Pairs with nothing, changes nothing, and
 * keeps to a deadline; believes nothing the phone says about sizes. */
#pragma once

#include <stdint.h>

#include "daemon/io/phone_answer.h"

/* Asks the phone with that UDID (as usbmuxd lists it) what the enum query bits allow. Blocks for at
 * most `limit_us`, and for as long as usbmuxd itself takes to answer, which libusbmuxd limits to
 * some seconds a message. The UDID may not be one of a phone in restore mode unless QUERY_RESTORE
 * stands in `asks`: the first question is put to either. */
void phone_query(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret);
