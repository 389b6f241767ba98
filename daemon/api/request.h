/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call on its way through its method: its parameters, checked by a table, and its answer. */
#pragma once

#include <errno.h>

#include "common/triage/attempt.h"
#include "daemon/api/state.h"

/* Results of a method beside 0 and what backend.h names. */
#define REQUEST_BAD_PARAMETER (-EINVAL) /* bad_parameter names it */
#define REQUEST_NO_INTERFACE (-EADDRNOTAVAIL)

enum parameter_type {
	PARAMETER_TEXT,
	PARAMETER_BYTES, /* a text that may contain NUL */
	PARAMETER_COUNT, /* an integer of 0 or more */
	PARAMETER_NUMBER,
	PARAMETER_TEXTS,   /* an array */
	PARAMETER_OBJECTS, /* an array */
	PARAMETER_OBJECT,
};

struct parameter {
	const char *name; /* NULL ends the table */
	enum parameter_type type;
	bool required;
};

struct request {
	struct api *api;
	struct peer *peer;
	const struct varlink_call *call;
	struct json_object *parameters; /* of the call; NULL = none */
	struct json_builder builder;
	struct json_object *answer; /* what the method fills */
	const char *bad_parameter;
	bool streaming; /* the method began a stream: nothing more to answer */
};

/* Checks the call's parameters: all that are required, none that is unknown, the types. Returns 0
 * or REQUEST_BAD_PARAMETER. */
int request_check(struct request *request, const struct parameter *parameters);
/* Says that a parameter has no sense. Returns REQUEST_BAD_PARAMETER. */
int request_bad(struct request *request, const char *parameter);

/* Parameters that passed the check; absent is NULL, false, or the number that is given. */
const char *request_text(const struct request *request, const char *name);
bool request_number(const struct request *request, const char *name, int64_t *ret);
/* `limit`, at most `most`. Returns 0 or REQUEST_BAD_PARAMETER for a limit of 0. */
int request_limit(struct request *request, size_t most, size_t *ret);
/* The session that the parameter `session` names; none where it is absent. Returns 0, or -ENOENT
 * where it cannot be the name of one. */
int request_session(const struct request *request, struct uuid *ret);

/* The conditions that the parameter `conditions` has. Returns 0 or REQUEST_BAD_PARAMETER. */
int request_conditions(struct request *request,
	struct condition conditions[static ATTEMPT_CONDITIONS_MAX], size_t *ret_count);

/* Sends what became of the request: its answer, or the error that `result` stands for. */
void request_finish(struct request *request, int result);
/* An error of org.varlink.service with one member. */
void request_protocol_error(
	struct request *request, const char *error, const char *key, const char *value);
