/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All sources of the daemon: starts them, passes their events to the recorder, and reads the
 * kernel's own log if there is no journal. */
#pragma once

#include "common/base/macro.h"
#include "common/model/phone_query_policy.h"
#include "daemon/loop.h"
#include "daemon/recorder.h"
#include "daemon/source_states.h"

struct sources;

struct sources_options {
	const char *state_dir;	     /* for the journal's position */
	const char *usbmuxd_address; /* NULL = usbmuxd's default */
	const char *journal_dir;     /* NULL = the system's journal */
	int link_fd;	  /* listening socket of idevicetriage-link, borrowed; -1 = none */
	unsigned queries; /* allowed questions to phones: enum query bits */
};

/* Starts all sources. The recorder and the states must outlive them; the texts are borrowed.
 * Returns 0 or a negative errno; the caller owns *ret: sources_free(). */
int sources_new(struct loop *loop, const struct sources_options *options, struct recorder *recorder,
	struct source_states *states, struct sources **ret);
/* Changes the allowed questions to phones. Returns 0 or a negative errno. */
int sources_set_queries(struct sources *sources, unsigned queries);
struct sources *sources_free(struct sources *sources);
DEFINE_FREEP(struct sources, sources_free)
