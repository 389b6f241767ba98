/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of the kernel's xHCI tracepoints, as tracefs writes them (trace_pipe). */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"

enum xhci_trace_kind {
	XHCI_TRACE_OTHER,
	XHCI_TRACE_DEVICE, /* the controller gave a slot to a device */
	XHCI_TRACE_ERROR,  /* a transfer of a slot's endpoint failed on the wire */
	XHCI_TRACE_LOST,   /* the kernel had no room for some lines */
};

struct xhci_trace {
	enum xhci_trace_kind kind;
	uint32_t slot;
	uint32_t endpoint; /* XHCI_TRACE_ERROR: the address, such as 0x85 */
	/* XHCI_TRACE_DEVICE: */
	uint32_t speed; /* the kernel's enum usb_device_speed; devnum is still 0 here */
	uint32_t port;	/* of the hub; the last number of the device's port name */
	uint32_t level; /* 1 = at the root hub */
};

/* Reads one line. Anything else than a whole line of these kinds is XHCI_TRACE_OTHER, and so is an
 * error of endpoint 0, which the kernel never retries. */
struct xhci_trace xhci_trace_read(const char *line);
