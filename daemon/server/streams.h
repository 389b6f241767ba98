/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: Watch, and ReadLog that goes on. Each first reads what it missed from the ring, at its
 * reader's pace, and then gets each new record. What a slow reader cannot take is dropped and
 * counted for it. */
#pragma once

#include "daemon/server/methods.h"

/* What a stream of ReadLog wants. */
struct stream_log {
	struct uuid session; /* none = all */
	uint64_t after;
	size_t limit; /* records in a message */
};

/* Begins a stream on the peer; a failure to read is sent to it. `after` NULL: from now on. Returns
 * 0, or -ENOMEM where nothing was begun. */
int stream_watch(struct api *api, struct peer *peer, const uint64_t *after);
int stream_read_log(struct api *api, struct peer *peer, const struct stream_log *log);

/* As struct server_handler has them. */
void stream_drained(void *api, struct peer *peer);
void stream_gone(void *api, struct peer *peer);
