/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's interface: the Varlink methods of common/wire on a Unix socket. Reading methods are
 * common/query's; those that change something act on the parts of the daemon. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"
#include "common/store/store.h"
#include "daemon/recorder.h"
#include "daemon/sealer.h"
#include "daemon/server/server.h"
#include "daemon/source_states.h"

/* What the methods read and act on; all of it outlives the API. */
struct api_parts {
	const char *version; /* of this program */
	struct stamp started;
	struct store *store;
	struct recorder *recorder;
	struct conditions *conditions; /* the recorder's */
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct ring *ring; /* that the store's reader reads */
	uint64_t ring_bytes;
	uint64_t damaged_records;
	const struct source_states *sources;
};

struct api;

/* Makes the API, which listens nowhere yet. `parts` is copied. Returns 0 or a negative errno; the
 * caller owns *ret. */
int api_new(struct loop *loop, const struct api_parts *parts, struct api **ret);
/* Ends every connection, after one try to send what is unsent. */
struct api *api_free(struct api *api);
DEFINE_FREEP(struct api, api_free)

/* Its socket and peers: for listening. */
struct server *api_server(struct api *api);

/* A recorder_observer: sends the record to everyone who follows. */
void api_observe(void *api, const struct event *record);
