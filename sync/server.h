/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the PostgreSQL server: non-blocking, all statements in pipeline mode.
 * Reconnects with longer and longer pauses. It knows no table. */
#pragma once

#include <stdbool.h>
#include <libpq-fe.h>

#include "daemon/loop.h"
#include "sync/target.h"

#define SERVER_STATEMENTS_MAX 512 /* that are sent and not answered */
#define SERVER_REASON_SIZE 256

struct server;

struct server_callbacks {
	void (*up)(void *user);
	/* The connection ended, or could not be made. Statements without a result have none. */
	void (*down)(void *user, const char *reason);
	void (*notified)(void *user, const char *payload);
	void *user;
};

/* Starts to connect. `target` must outlive it. Returns 0 or a negative errno; the caller owns *ret.
 */
int server_new(struct loop *loop, const struct target *target,
	const struct server_callbacks *callbacks, struct server **ret);
struct server *server_free(struct server *server);
DEFINE_FREEP(struct server, server_free)

/* Ends the connection, and connects again after a pause. May be called in a callback. */
void server_drop(struct server *server, const char *reason);
/* The same, after the longest pause. */
void server_refuse(struct server *server, const char *reason);
/* The connection is of use: the next pause after it is the shortest. */
void server_accept(struct server *server);

/* A row of a result. */
typedef void server_row(void *user, const PGresult *row);
/* The end of a batch: all of it was committed, or nothing. `state` is the SQLSTATE and `reason` the
 * server's words; both NULL = committed. */
typedef void server_end(void *user, const char *state, const char *reason);

/* Queues a statement with text parameters. `row` may be NULL. */
int server_query(struct server *server, const char *statement, int count, const char *const *values,
	server_row *row, void *user);
/* Ends the batch of the statements queued so far. */
int server_commit(struct server *server, server_end *end, void *user);
/* A text of the row's only line; NULL = null, or no such column. */
const char *server_text(const PGresult *row, int column);
