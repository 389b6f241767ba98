/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to the daemon; each error is reported on standard error in one sentence. */
#pragma once

#include "client/client.h"
#include "client/connection.h"

/* Connects. Returns EXIT_DONE with *ret owned by the caller, or EXIT_UNREACHABLE after reporting
 * the error. */
int rpc_open(struct context *context, struct connection **ret);
/* The same without reporting: returns 0 or a negative errno, for callers that can work without the
 * daemon. */
int rpc_open_quietly(struct context *context, struct connection **ret);
/* Reports that the daemon is unreachable, for a negative errno. Returns EXIT_UNREACHABLE. */
int rpc_unreachable(struct context *context, int error);
/* Connects; if the daemon is unreachable, opens its state directory instead and reports that. For
 * commands that only read. */
int rpc_open_reading(struct context *context, struct connection **ret);

/* The error of a call with a value that the method does not take. */
#define INVALID_PARAMETER "org.varlink.service.InvalidParameter"

/* Calls `method` with `parameters` (ownership taken; may be NULL), built with `builder`, and waits
 * for the single reply. Returns EXIT_DONE with *ret owned by the caller, or an exit code after
 * reporting the error. */
int rpc_call(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, struct json_object **ret);
/* The same, but the daemon's error `allowed` is also a valid answer: EXIT_DONE with *ret NULL. */
int rpc_call_allowing(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, const char *allowed,
	struct json_object **ret);
/* The halves of rpc_call(), to work while the daemon does: after rpc_send(), the answer is due with
 * rpc_receive() before any other call. */
int rpc_send(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters);
int rpc_receive(struct context *context, struct connection *connection, const char *method,
	struct json_object **ret);
/* As rpc_call(), without parameters. */
int rpc_call_plain(struct context *context, struct connection *connection, const char *method,
	struct json_object **ret);
/* Calls a method over *connection, a second one beside a stream, which it opens if it is NULL;
 * quietly. Takes ownership of `parameters`. Returns 0 with *ret set (varlink_reply_done() frees
 * it), -EAGAIN if the daemon is lost, or -EBADMSG if asking again would not help. */
int rpc_ask_beside(struct context *context, struct connection **connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, struct varlink_reply *ret);
#define RPC_REFUSAL_SIZE 512
/* The sentence for an error of the daemon; foreign text in it is not cleaned. Returns its exit
 * code. */
int rpc_refusal(const struct varlink_reply *reply, char sentence[static RPC_REFUSAL_SIZE]);
/* Reports an error of the daemon and returns its exit code. */
int rpc_refused(const struct varlink_reply *reply);
