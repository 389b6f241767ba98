/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods that change something, and the state of one call. Private to daemon/server. */
#pragma once

#include <sys/queue.h>

#include "common/query/query.h"
#include "common/wire/varlink.h"
#include "daemon/server/api.h"
#include "daemon/server/quota.h"
#include "daemon/server/server.h"

struct stream;
TAILQ_HEAD(stream_list, stream);

/* The values of GetStatus's answer that can change. */
struct status {
	uint64_t source_changes;
	uint64_t devices;
	uint64_t first, last;	 /* records in the ring; the sessions that run change with `last` */
	uint64_t casebook_bytes; /* 0 = not known */
	uint64_t casebook_limit;
};

struct api {
	struct server *server;
	struct api_parts parts;
	struct query query;
	struct stream_list streams;
	struct json_object *status; /* the last answer of GetStatus, frozen; NULL = none yet */
	struct status status_of;    /* what it says */
	struct quota quota;
};

struct request {
	struct api *api;
	struct peer *peer;
	const struct varlink_call *message;
	struct call call;
	bool streaming; /* the method started a stream: it needs no other answer */
};

/* Answers a peer's call with the result or an error. */
void methods_call(void *api, struct peer *peer, struct varlink_call *message);

/* Fills request->call.answer. Returns API_OK, an enum api_error, or a negative errno. */
typedef int method_handler(struct request *request);

/* methods_run.c: the restore tools under `run`. */
method_handler methods_begin_run, methods_append_log, methods_end_run;
/* methods_notes.c: facts that people report. */
method_handler methods_set_conditions, methods_add_note, methods_add_measurement;
/* methods_amend.c: corrections of attempts. */
method_handler methods_amend_attempt;
/* methods_casebook.c: added attempts. */
method_handler methods_add_attempt, methods_add_attempts, methods_add_records,
	methods_merge_records;
/* methods_purge.c */
method_handler methods_purge;

/* methods_exchange.c: what other benches stored. */
method_handler methods_add_change;

struct purge;
/* Purges what another bench purged, and adds what was deleted to the answer. Returns API_OK,
 * another enum api_error or a negative errno. */
int methods_take_purge(struct request *request, const struct purge *purged);

/* The casebook for writing. Returns API_OK or API_CASEBOOK_UNAVAILABLE. */
int methods_open_casebook(struct request *request, struct casebook_file **ret);
/* Whether the casebook has room for what a call stores; an unusable casebook is up to the method.
 * Returns API_OK or another enum api_error. */
int methods_check_room(struct request *request);
/* The author of a correction: as the caller says in `by`, else the number of its user. */
void methods_who(const struct request *request, char by[static BY_SIZE]);
/* The conditions in the parameter `conditions`. Returns API_OK or API_INVALID_PARAMETER. */
int methods_conditions(struct call *call,
	struct condition conditions[static ATTEMPT_CONDITIONS_MAX], size_t *ret_count);
