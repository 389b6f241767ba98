/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the daemon for the administrator: one line for `systemctl status`, or all of it for
 * the journal. It names no phone, ticket or label; it changes nothing. */
#pragma once

#include "common/store/store.h"
#include "daemon/diagnoser.h"
#include "daemon/source_states.h"

#define STATUS_LINE_SIZE 256

struct status_parts {
	const struct store *store;
	const struct diagnoser *diagnoser;
	const struct source_states *sources;
	struct stamp started;
};

/* Writes the line: "2 phones, 1 restore running; last verdict: undecided". */
void status_line(const struct status_parts *parts, char line[static STATUS_LINE_SIZE]);
/* Logs the state, one line for each phone, running restore and source. */
void status_dump(const struct status_parts *parts, struct stamp now);
