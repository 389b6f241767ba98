/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's interface: the Varlink methods of common/wire on a Unix socket. Methods that read
 * are in common/query; methods that change something call the parts of the daemon. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"
#include "common/store/store.h"
#include "daemon/recorder.h"
#include "daemon/sealer.h"
#include "daemon/server/server.h"
#include "daemon/source_states.h"

/* What may be stored; 0 = as much as anyone sends. */
struct api_limits {
	uint64_t casebook_bytes; /* the sealer's */
	uint64_t daily_bytes;	 /* that one user sends in a day, who is not the administrator */
};

/* The parts that the methods use; all of them outlive the API. */
struct api_parts {
	const char *version; /* version of this program */
	struct stamp started;
	const char *state_dir;
	struct store *store;
	struct recorder *recorder;
	struct conditions *conditions; /* the recorder's */
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct ring_file *ring; /* the ring behind the store's reader */
	uint64_t ring_bytes;
	uint64_t damaged_records;
	const struct source_states *sources;
	struct api_limits limits;
};

struct api;

/* Creates the API without a listening socket. `parts` is copied. Returns 0 or a negative errno; the
 * caller owns *ret. */
int api_new(struct loop *loop, const struct api_parts *parts, struct api **ret);
/* Closes every connection, after one attempt to send its pending output. Returns NULL. */
struct api *api_free(struct api *api);
DEFINE_FREEP(struct api, api_free)

/* The server, to call server_listen(). */
struct server *api_server(struct api *api);

/* Puts other limits in force. */
void api_set_limits(struct api *api, const struct api_limits *limits);

/* A recorder_observer: sends the record to all followers. */
void api_observe(void *api, const struct event *record);
