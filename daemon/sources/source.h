/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the adapters: reporting their own state, and finding a place on the bus. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"
#include "common/model/usb_identity.h"

/* Finds the device at a bus and address. Returns false if it is unknown. */
typedef bool find_usb_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret);

/* Reports the state of a source to the log and the sink: code 0 = up, else a negative errno or
 * SOURCE_STATE_NOT_INSTALLED with the text `reason`. */
void source_report(enum event_source source, const char *name, int code, const char *reason,
	event_sink *sink, void *user);
