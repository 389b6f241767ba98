/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of Varlink (https://varlink.org): one JSON object each, ended by a NUL byte. It uses
 * no socket and knows no method. */
#pragma once

#include "common/wire/json.h"

#define VARLINK_INTERFACE "io.github.idevicetriage"
#define VARLINK_SERVICE "org.varlink.service"

/* Limits of the daemon, for both sides; documented in idevicetriage-api(7). */
#define VARLINK_REQUEST_MAX (64u << 10) /* bytes of a call, without the NUL */
#define VARLINK_RECORDS_MAX 1000	/* records in a reply */
#define VARLINK_ATTEMPTS_MAX 16		/* of an AddAttempts */

/* The interface descriptions, byte for byte as in the files of common/wire. */
extern const char varlink_interface_text[];
extern const char varlink_service_text[];

/* A call. The pointers live in `message`. */
struct varlink_call {
	struct json_object *message;
	const char *method;
	struct json_object *parameters; /* an object; NULL = none */
	bool more;
	bool oneway;
	size_t length; /* bytes of the call */
};

/* Reads the `length` bytes of a call, without the NUL. Returns 0, -EBADMSG if it is invalid, or
 * -ENOMEM. varlink_call_done() frees *ret. */
int varlink_call_read(const char *text, size_t length, struct varlink_call *ret);
void varlink_call_done(struct varlink_call *call);

/* A reply. */
struct varlink_reply {
	struct json_object *message;
	const char *error; /* full name; NULL = none */
	struct json_object *parameters;
	bool continues;
};

/* The same for a reply, within the limits of json_read(). */
int varlink_reply_read(const char *text, size_t length, struct varlink_reply *ret);
void varlink_reply_done(struct varlink_reply *reply);

/* Builders of messages. They take ownership of `parameters` (NULL = none, unless `builder` has
 * failed). Names are whole (interface and member) and borrowed. Each returns a message that is the
 * caller's, or NULL when out of memory, now or while the parameters were built. */
struct json_object *varlink_call_new(struct json_builder *builder, const char *method,
	struct json_object *parameters, bool more);
struct json_object *varlink_reply_new(
	struct json_builder *builder, struct json_object *parameters, bool continues);
struct json_object *varlink_error_new(
	struct json_builder *builder, const char *error, struct json_object *parameters);

/* The bytes to send for a message, including the final NUL; they live in the message. Returns NULL
 * when out of memory. */
const char *varlink_frame(struct json_object *message, size_t *ret_length);
