/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the daemon, with a sentence on standard error for everything that goes wrong. */
#pragma once

#include "client/client.h"
#include "client/connection.h"

/* Connects. Returns EXIT_DONE with *ret owned by the caller, or EXIT_UNREACHABLE after saying why.
 */
int rpc_open(struct context *context, struct connection **ret);
/* The same without a word: a negative errno, for those who can do without the daemon. */
int rpc_open_quietly(struct context *context, struct connection **ret);
/* Says that the daemon cannot be reached, for a negative errno. Returns EXIT_UNREACHABLE. */
int rpc_unreachable(struct context *context, int error);
/* Where no daemon is reachable, opens what it left in its state directory, and says so: for those
 * who only read. */
int rpc_open_reading(struct context *context, struct connection **ret);

/* Calls `method` with `parameters` (taken; may be NULL), built with `builder`, and waits for the
 * one answer. Returns EXIT_DONE with *ret set, which is the caller's, or the exit code after saying
 * what went wrong. */
int rpc_call(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, struct json_object **ret);
/* The same, where the daemon's error `allowed` is an answer as well: EXIT_DONE with *ret NULL. */
int rpc_call_allowing(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, const char *allowed,
	struct json_object **ret);
/* As rpc_call(), without parameters. */
int rpc_call_plain(struct context *context, struct connection *connection, const char *method,
	struct json_object **ret);
/* The exit code for an error that the daemon answered, which it says. */
int rpc_refused(const struct varlink_reply *reply);
