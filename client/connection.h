/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to the daemon, in Varlink (common/wire/varlink.h).
 * Never blocks except where a function says so. Does not connect again by itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/fields.h"
#include "common/wire/varlink.h"

#define INTERFACE VARLINK_INTERFACE "."

struct connection;
struct offline;

/* Connects to the Unix socket `path`. Returns 0, or a negative errno with *ret untouched;
 * -EAGAIN when the daemon has too many callers in its queue. The caller owns *ret. */
int connection_open(const char *path, struct connection **ret);
/* One that is answered from what a daemon left, by the same methods. `offline` is taken. NULL when
 * out of memory. */
struct connection *connection_to_offline(struct offline *offline);
/* That store, borrowed; NULL where the daemon answers. Only rpc_call() may be used then. */
struct offline *connection_offline(const struct connection *connection);
struct connection *connection_free(struct connection *connection);
DEFINE_FREEP(struct connection, connection_free)

int connection_fd(const struct connection *connection);
/* What to poll for: POLLIN, and POLLOUT while something is unsent. */
short connection_events(const struct connection *connection);
/* Queues a call of the method (without the interface's name) and sends what goes. `parameters` is
 * taken and may be NULL; `builder` is the one that they were built with. Returns 0, -ENOMEM, also
 * where the build had failed, or a negative errno of the socket. */
int connection_send(struct connection *connection, struct json_builder *builder, const char *method,
	struct json_object *parameters, bool more);
/* Sends and receives what goes without waiting. Returns 0, -ECONNRESET when the daemon has closed,
 * -EMSGSIZE past REPLY_BYTES_MAX, or a negative errno. Replies that came before are kept. */
int connection_work(struct connection *connection);
/* Takes the next reply. Returns 1 with *ret set (varlink_reply_done() frees it), 0 when none is
 * complete, -EBADMSG when it is no reply, -ENOMEM. */
int connection_next(struct connection *connection, struct varlink_reply *ret);
/* Blocks until the next reply, at most `timeout_ms` (-1 = for ever). Returns 0, -ETIMEDOUT, or the
 * errors of the two above. */
int connection_wait(struct connection *connection, int timeout_ms, struct varlink_reply *ret);
