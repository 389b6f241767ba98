/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How systemd would start a service, read from its unit file and drop-ins in the order of
 * systemd.unit(5). It does not query the service manager. */
#pragma once

#include <stdbool.h>

#define SERVICE_VALUE_SIZE 512

struct service_unit {
	bool found;
	bool masked;			/* its file is empty or /dev/null */
	char start[SERVICE_VALUE_SIZE]; /* the last effective ExecStart= */
	char restart[32];		/* Restart=; "no" if it is not set */
};

/* Reads the unit `name` (such as usbmuxd.service) of the system under `root`. */
struct service_unit service_unit_read(const char *root, const char *name);
/* Adds the lines of one file of the unit. */
void service_unit_take(struct service_unit *unit, const char *text);
