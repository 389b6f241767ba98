/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods that change something, and one call of them on its way. Only for daemon/server. */
#pragma once

#include <sys/queue.h>

#include "common/query/query.h"
#include "common/wire/varlink.h"
#include "daemon/server/api.h"
#include "daemon/server/server.h"

struct stream;
TAILQ_HEAD(stream_list, stream);

struct api {
	struct server *server;
	struct api_parts parts;
	struct query query;
	struct stream_list streams;
};

struct request {
	struct api *api;
	struct peer *peer;
	const struct varlink_call *message;
	struct call call;
	bool streaming; /* the method began a stream: nothing more to answer */
};

/* Answers a call of a peer, with its result or an error. */
void methods_call(void *api, struct peer *peer, struct varlink_call *message);

/* Fills request->call.answer. Returns API_OK, an enum api_error, or a negative errno. */
typedef int method_handler(struct request *request);

/* methods_run.c: the restore tools that `run` watches. */
method_handler methods_begin_run, methods_append_log, methods_end_run;
/* methods_notes.c: what people say. */
method_handler methods_set_conditions, methods_add_note;
/* methods_casebook.c: attempts that are added, and purges. */
method_handler methods_add_attempt, methods_add_records, methods_purge;

/* The conditions that the parameter `conditions` has. Returns API_OK or API_INVALID_PARAMETER. */
int methods_conditions(struct call *call,
	struct condition conditions[static ATTEMPT_CONDITIONS_MAX], size_t *ret_count);
