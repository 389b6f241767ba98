/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every method that only reads, from the store to JSON. The daemon calls them for its socket;
 * without a daemon, the command calls them itself. They write nothing.
 *
 * Only a running daemon can report which phones are on the bench now and in which mode, a fault of
 * usbmuxd, and how long a running session has been silent. `live` is true in the daemon. */
#pragma once

#include "common/query/call.h"
#include "common/store/store.h"

#define QUERY_SESSIONS_MAX 200 /* in a reply */
#define QUERY_FOUND_MAX 16     /* in each list of what a name may be */

struct query {
	struct store *store;
	bool live;
};

/* Fills call->answer. Returns API_OK, an enum api_error, or a negative errno. */
typedef int query_handler(const struct query *query, struct call *call);

struct query_method {
	const char *name; /* without the interface's */
	const struct parameter *parameters;
	query_handler *handle;
	bool partial; /* answers also without what cannot be read in the casebook */
};

/* The method with that name, with or without the interface's; NULL if there is none. */
const struct query_method *query_find(const char *name);

/* Calls its handler. An answer without what cannot be read in the casebook has the reason as
 * `incomplete`, or is an error. */
int query_answer(const struct query *query, const struct query_method *method, struct call *call);

/* Answers a call without a daemon. Returns the answer, or the parameters of the error whose name is
 * then in *ret_error (else NULL); the caller owns it. NULL when out of memory. */
struct json_object *query_call(const struct query *query, const char *method,
	struct json_object *parameters, const char **ret_error);

/* For the daemon's streams and other methods: the phones of the bench, the sessions that run, a
 * phone (gone where it is not on the bench), and a session, as JSON. */
struct json_object *query_devices(const struct query *query, struct json_builder *builder);
struct json_object *query_running(const struct query *query, struct json_builder *builder);
struct json_object *query_device(
	const struct query *query, struct json_builder *builder, const struct identity *identity);
/* Adds a session to the answer under `key`. Returns API_OK or API_NO_SUCH_SESSION. */
int query_put_session(
	const struct query *query, struct call *call, const struct uuid *session, const char *key);
/* Adds the conditions of a place (NULL = all places) to the answer. Returns API_OK, or
 * API_INVALID_PARAMETER for an invalid place. */
int query_put_places(const struct query *query, struct call *call, const char *place);
