/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the records of a session, or of all, reply by reply. It displays nothing. */
#pragma once

#include "client/rpc.h"

/* Receives one reply of ReadLog, borrowed. Returns EXIT_DONE to continue, or an exit code. */
typedef int records_taker(void *user, struct json_object *reply);

/* The sequence of the last record of a reply; 0 where it has none. */
int64_t records_last(struct json_object *reply);
/* The parameters of ReadLog: for one session or (NULL) for all, after a sequence. */
struct json_object *records_parameters(
	struct json_builder *builder, const char *session, int64_t after);
/* Calls ReadLog until there are no more records; `take` also gets an empty first reply. Returns
 * EXIT_DONE, or the exit code of the error. */
int records_read(struct context *context, struct connection *connection, const char *session,
	int64_t after, records_taker *take, void *user);
