/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways in which the phone can be told to misbehave: a part of it, and what it does then. */
/* It only names and holds them; the part itself looks whether it has a fault. */
#pragma once

enum fault_part {
	FAULT_ENUMERATION, /* GET_DESCRIPTOR and the other standard requests */
	FAULT_CONTROL,	   /* the boot loaders' requests on the control endpoint */
	FAULT_BULK_IN,	   /* data to the host */
	FAULT_BULK_OUT,	   /* data from the host */
	FAULT_VERSION,	   /* usbmux: the exchange of versions */
	FAULT_SERVICE,	   /* usbmux: lockdownd or restored */
	FAULT_PART_COUNT,
};

enum fault_kind {
	FAULT_NONE,
	FAULT_SILENT,	/* no answer, for ever */
	FAULT_PROTOCOL, /* the transfer fails with -EPROTO (-71), as on a bad cable */
	FAULT_TIMEOUT,	/* the transfer fails with -ETIMEDOUT (-110) at once */
	FAULT_STALL,	/* the transfer fails with -EPIPE (-32) */
	FAULT_REFUSED,	/* a service's port is closed */
	FAULT_KIND_COUNT,
};

struct faults {
	enum fault_kind kinds[FAULT_PART_COUNT];
};

/* Sets the fault of a part by their names in scenarios. Returns 0, or -EINVAL for an unknown name
 * or a fault that the part cannot have, with nothing changed. */
int fault_set(struct faults *faults, const char *part, const char *kind);

/* The negative errno with which a faulty transfer ends; 0 for a fault that is none of a transfer.
 */
int fault_status(enum fault_kind kind);
