/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes what the administrator should see as messages with an id (message.h): a failed restore, a
 * changed verdict, a dead usbmuxd, a suspect port, a lost source. It names models and ports, and no
 * phone, ticket or label: more people read the journal than the socket. */
#pragma once

#include <stdbool.h>

#include "common/model/bench.h"
#include "daemon/diagnoser.h"

struct announcer {
	const struct bench *bench;
	const struct diagnoser *diagnoser;
	/* The last announced failure: a session may end twice. */
	struct uuid failed;
	int64_t failed_code;
	bool usbmuxd_dead; /* announced, and it has not run since */
};

/* A recorder_observer. */
void announcer_observe(void *announcer, const struct event *record);
