/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a systemd service would be started, read from its unit file and drop-ins as systemd.unit(5)
 * orders them. Asks no service manager. */
#pragma once

#include <stdbool.h>

#define SERVICE_VALUE_SIZE 512

struct service_unit {
	bool found;
	bool masked;			/* its file is empty or /dev/null */
	char start[SERVICE_VALUE_SIZE]; /* the last ExecStart= that holds */
	char restart[32];		/* Restart=; "no" where it is not set */
};

/* Reads the unit `name` (such as usbmuxd.service) of the system below `root`. */
struct service_unit service_unit_read(const char *root, const char *name);
/* Takes the lines of one file of the unit in. */
void service_unit_take(struct service_unit *unit, const char *text);
