/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods that only read, once: the daemon answers them on its socket, the command answers them
 * itself where no daemon runs. From the store to JSON; it writes nothing.
 *
 * Only a living daemon knows: which phones are on the bench now and in which mode, what is wrong
 * with usbmuxd, and how long a running session has been silent. `live` says whether it is one. */
#pragma once

#include "common/query/call.h"
#include "common/store/store.h"

#define QUERY_SESSIONS_MAX 1000 /* in a reply */

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
};

/* The method with that name, with or without the interface's; NULL where it is none of these. */
const struct query_method *query_find(const char *name);

/* Answers a call where no daemon runs. Returns the answer, or the parameters of the error whose
 * name is then in *ret_error (else NULL); the caller owns it. NULL when out of memory. */
struct json_object *query_call(const struct query *query, const char *method,
	struct json_object *parameters, const char **ret_error);

/* For the daemon's streams and other methods: the phones of the bench, the sessions that run, a
 * phone (gone where it is not on the bench), and a session, as JSON. */
struct json_object *query_devices(const struct query *query, struct json_builder *builder);
struct json_object *query_running(const struct query *query, struct json_builder *builder);
struct json_object *query_device(
	const struct query *query, struct json_builder *builder, const struct identity *identity);
/* Puts a session into the answer under `key`. Returns API_OK or API_NO_SUCH_SESSION. */
int query_put_session(
	const struct query *query, struct call *call, const struct uuid *session, const char *key);
/* Puts what holds at a place (NULL = all places) into the answer. Returns API_OK, or
 * API_INVALID_PARAMETER for a name that is no place. */
int query_put_places(const struct query *query, struct call *call, const char *place);
