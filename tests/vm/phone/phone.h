/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phone as a USB device: plugged in or not, in one of its modes, with or without faults. */
/* It never changes its mode by itself: a scenario does (scenario.h). Reports: "attached MODE",
 * "detached", "configured N", and those of iboot.h, mux.h and service.h. */
#pragma once

#include "tests/vm/phone/fault.h"
#include "tests/vm/phone/iboot.h"
#include "tests/vm/phone/identity.h"
#include "tests/vm/phone/link.h"
#include "tests/vm/phone/mux.h"
#include "tests/vm/phone/report.h"

/* Invariant: while plugged in, `iboot` is the live one in DFU and recovery mode, `mux` in the
 * others. */
struct phone {
	struct report report;
	const struct identity *identity;
	struct faults faults;
	struct link link;
	enum mode mode;
	uint8_t configuration;
	struct iboot iboot;
	struct mux mux;
	uint8_t data[USBIP_MAXIMUM_TRANSFER_BYTES]; /* of the request being handled */
};

/* Makes an unplugged phone; `identity` must outlive it. */
void phone_init(struct phone *phone, const struct identity *identity);

/* Plugs the phone in, in `mode`; it must be unplugged. Errors: those of vhci_attach(). */
int phone_attach(struct phone *phone, enum mode mode);

/* Unplugs the phone, if it is plugged in. */
void phone_detach(struct phone *phone);

/* Sets a fault: see fault_set(). Transfers that wait for a part now faulty end with the fault.
 * Returns 0, -EINVAL, or a negative errno of the connection. */
int phone_set_fault(struct phone *phone, const char *part, const char *kind);

/* Sends restored's message of progress or of the end, or its request for data: see service.h.
 * Returns 0, -ENOTCONN when no restore was started, or another negative errno. */
int phone_send_progress(struct phone *phone, uint64_t operation, uint64_t percent);
int phone_send_status(struct phone *phone, uint64_t status);
int phone_send_data_request(struct phone *phone, const char *type);
int phone_send_log(struct phone *phone, const char *text);

/* Handles the next request of the host; blocks until there is one. Returns 0 (also when the host
 * unplugged the phone) or a negative errno. */
int phone_serve(struct phone *phone);
