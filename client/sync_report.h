/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What idevicetriage-sync(8) reports of itself: a file of its service. It asks nobody. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/fields.h"

enum sync_state {
	SYNC_NONE,    /* this bench shares its attempts with no other */
	SYNC_STOPPED, /* it is set up, and the service does not report */
	SYNC_WORKS,
	SYNC_WAITS, /* no connection to the server */
};

struct sync_report {
	enum sync_state state;
	struct json_object *object; /* the report, owned; NULL = none */
	int64_t waiting;	    /* changes that are not on the server; -1 = unknown */
	int64_t clock_ahead_seconds;
};

/* Reads it under `root` ("" = this system), or the file that $IDEVICETRIAGE_SYNC_STATUS names.
 * sync_report_done() frees it. */
void sync_report_read(const char *root, struct sync_report *ret);
void sync_report_done(struct sync_report *report);
