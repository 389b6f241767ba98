/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call of a method: its parameters, checked against a table, the answer that the method fills,
 * and the details of an error. It uses no socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"
#include "common/wire/api_error.h"
#include "common/wire/json.h"

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

#define PARAMETERS_END                                                                             \
	{                                                                                          \
		NULL, PARAMETER_TEXT, false                                                        \
	}

struct call {
	const char *method;
	struct json_object *parameters; /* borrowed; NULL = none */
	struct json_builder builder;
	struct json_object *answer; /* filled by the method; created by the caller */
	const char *detail;	    /* the subject of the error, if it is not a parameter */
	int64_t number;		    /* the same of an error with a limit */
};

/* Checks the parameters: all required ones are present, none is unknown, the types match. Returns
 * API_OK or API_INVALID_PARAMETER. */
int call_check(struct call *call, const struct parameter *parameters);

/* Parameters that passed the check; one that is absent is NULL, or leaves *ret untouched. */
const char *call_text(const struct call *call, const char *name);
bool call_number(const struct call *call, const char *name, int64_t *ret);
/* `limit`, at most `most`. Returns API_OK, or API_INVALID_PARAMETER for a limit of 0. */
int call_limit(struct call *call, size_t most, size_t *ret);
/* The session in the parameter `session`; none if absent. Returns API_OK, or API_NO_SUCH_SESSION if
 * it is not a session identifier. */
int call_session(const struct call *call, struct uuid *ret);

/* Reports an invalid value of a parameter. Returns API_INVALID_PARAMETER. */
int call_bad(struct call *call, const char *parameter);
/* Reports that the casebook cannot be used, with a negative errno. Returns
 * API_CASEBOOK_UNAVAILABLE. */
int call_no_casebook(struct call *call, int error);

/* Ends a failed call: `result` is an enum api_error or a negative errno. Returns the parameters of
 * the error, which belong to the caller, and its name in *ret_name. */
struct json_object *call_refuse(struct call *call, int result, const char **ret_name);
