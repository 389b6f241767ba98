/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detects connection faults in lines of the kernel, usbmuxd and the service manager. Reads lines
 * one by one and stores nothing; it does not weigh a sign. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

enum link_writer { LINK_KERNEL, LINK_USBMUXD, LINK_MANAGER };

struct link_pattern {
	const char *id;
	enum link_writer writer;
	enum event_kind kind; /* EVENT_USB_ERROR or EVENT_MUX_ERROR; EVENT_NONE = it is noise */
	const char *text;
	int ignored_code; /* 0 = none */
};

/* The contents of a line. `port` and `udid` are empty, bus and address 0, if the line does not
 * contain them. */
struct link_finding {
	const struct link_pattern *sign;
	int code; /* negative errno, 0 = none */
	char port[PORT_SIZE];
	char udid[UDID_SIZE];
	uint32_t bus, address;
};

/* Reads one raw line of that writer. Returns false, with *ret untouched, if it shows no sign. */
bool link_pattern_read(enum link_writer writer, const char *line, struct link_finding *ret);

/* Whether the line is one that says nothing about the phone or the link, such as a message that
 * usbmuxd passes on from the phone. */
bool link_line_is_noise(enum link_writer writer, const char *line);

/* The port that a line of the kernel is about: "usb 1-2.3: …" is 1-2.3, "usb 1-2-port3: …" 1-2.3,
 * "usb usb1-port2: …" 1-2. Returns false, with `port` untouched, for other lines. */
bool kernel_line_port(const char *line, char port[static PORT_SIZE]);
/* Reads the journal's _KERNEL_DEVICE: "+usb:1-2.3" gives the port, "c189:M" bus and address of the
 * device node (M = (bus - 1) * 128 + address - 1). Returns whether it was one of the two; missing
 * values are empty or 0. */
bool kernel_device_read(
	const char *text, char port[static PORT_SIZE], uint32_t *bus, uint32_t *address);

/* The number of phones of the running usbmuxd, according to its log lines. Initialise with
 * zeros. */
struct mux_watch {
	uint32_t attached;
};

/* Follows usbmuxd's lines. Returns the sign usbmuxd-left-phone if usbmuxd shuts down with a phone
 * attached: Debian's does when a phone re-enumerates within some tens of milliseconds, because the
 * removal tells it to exit and the return does not start another. NULL for every other line. */
const struct link_pattern *mux_watch_line(struct mux_watch *watch, const char *line);

/* Reads usbmuxd's line on a program that connects to it (it writes them with -v). `name` is the
 * program's own and may be anything. Returns false, with nothing set, for every other line. */
bool mux_client_read(const char *line, char name[static NAME_SIZE], uint32_t *process);
