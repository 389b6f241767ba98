/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: Watch, and ReadLog that continues. Each first reads missed records from the ring, at its
 * reader's pace, and then gets each new record. Records that a slow reader cannot take are dropped
 * and counted. */
#pragma once

#include "daemon/server/methods.h"

/* The selection of a ReadLog stream. */
struct stream_log {
	struct uuid session; /* none = all */
	uint64_t after;
	size_t limit; /* records per message */
};

/* Starts a stream on the peer; a later read error is sent to the peer. `after` NULL: from now on.
 * Returns 0, or -ENOMEM if nothing was started. */
int stream_watch(struct api *api, struct peer *peer, const uint64_t *after);
int stream_read_log(struct api *api, struct peer *peer, const struct stream_log *log);

/* The callbacks for struct server_handler. */
void stream_drained(void *api, struct peer *peer);
void stream_gone(void *api, struct peer *peer);
