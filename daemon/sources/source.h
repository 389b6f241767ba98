/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the adapters share: how they report their own state, and the question for a place on the
 * bus.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"
#include "common/model/usb_identity.h"

/* Finds what is connected at a bus and address. Returns false where that is not known. */
typedef bool find_usb_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret);

/* Reports the state of a source to the log and the sink: code 0 = it works, else why it does not.
 */
void source_report(enum event_source source, const char *name, int code, const char *reason,
	event_sink *sink, void *user);
