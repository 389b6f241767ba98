/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to the daemon, in Varlink (common/wire/varlink.h). Only the functions that say so
 * block. It never reconnects by itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/fields.h"
#include "common/wire/varlink.h"

#define INTERFACE VARLINK_INTERFACE "."

struct connection;
struct offline;

/* Connects to the Unix socket `path`. Returns 0, or a negative errno with *ret untouched; -EAGAIN
 * if the daemon's connection queue is full. The caller owns *ret. */
int connection_open(const char *path, struct connection **ret);
/* Creates a connection that the same methods answer from the stored data, without a daemon. Takes
 * ownership of `offline`, which `release` frees. Returns NULL when out of memory. */
typedef struct offline *connection_release(struct offline *offline);
struct connection *connection_to_offline(struct offline *offline, connection_release *release);
/* That store, borrowed; NULL if the daemon answers. If not NULL, only rpc_call() works. */
struct offline *connection_offline(const struct connection *connection);
struct connection *connection_free(struct connection *connection);
DEFINE_FREEP(struct connection, connection_free)

int connection_fd(const struct connection *connection);
/* The poll events to wait for: POLLIN, and POLLOUT while output is pending. */
short connection_events(const struct connection *connection);
/* Queues a call of the method (without the interface's name) and sends what it can without
 * blocking. Takes ownership of `parameters`, which may be NULL; `builder` is their builder. Returns
 * 0, -ENOMEM, also if the build failed, or a negative errno of the socket. */
int connection_send(struct connection *connection, struct json_builder *builder, const char *method,
	struct json_object *parameters, bool more);
/* Sends and receives as much as possible without blocking. Returns 0, -ECONNRESET if the daemon has
 * closed the connection, -EMSGSIZE above REPLY_BYTES_MAX, or another negative errno. Earlier
 * replies remain available. */
int connection_work(struct connection *connection);
/* Reads the next reply. Returns 1 with *ret set (varlink_reply_done() frees it), 0 if none is
 * complete, -EBADMSG if it is invalid, or -ENOMEM. */
int connection_next(struct connection *connection, struct varlink_reply *ret);
/* Blocks until the next reply, for at most `timeout_ms` (-1 = for ever). Returns 0, -ETIMEDOUT, or
 * the errors of the two functions above. */
int connection_wait(struct connection *connection, int timeout_ms, struct varlink_reply *ret);
