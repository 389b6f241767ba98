/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/query/query.h"
#include "common/store/offline.h"
#include "common/base/text.h"

#define ANSWER_MS 30000 /* the daemon answers from memory; a diagnosis takes milliseconds */
#define OPEN_ATTEMPTS 40
#define OPEN_PAUSE_MS 50 /* between attempts: 2 s in total, for a queue of callers to drain */

int rpc_open_quietly(struct context *context, struct connection **ret)
{
	for (int i = 0;; i++) {
		int r = connection_open(context->socket, ret);

		if (r != -EAGAIN || i >= OPEN_ATTEMPTS)
			return r;
		poll(NULL, 0, OPEN_PAUSE_MS);
	}
}

int rpc_unreachable(struct context *context, int error)
{
	static const struct {
		int error;
		const char *hint;
	} hints[] = {
		{-ENOENT, "start it with `systemctl start idevicetriaged`, or name its socket with "
			  "--socket"},
		{-ECONNREFUSED, "it is not running: start it with `systemctl start "
				"idevicetriaged`"},
		{-EACCES, "join the group idevicetriage, and log in again"},
		{-EAGAIN, "it has too many callers: try again"},
		{-ENAMETOOLONG, "the path of a socket has at most 107 characters"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].error == error) {
			report_error("Cannot reach the daemon at %s (%s); %s.", context->socket,
				strerror(-error), hints[i].hint);
			return EXIT_UNREACHABLE;
		}
	report_error("Cannot reach the daemon at %s (%s).", context->socket, strerror(-error));
	return EXIT_UNREACHABLE;
}

int rpc_open(struct context *context, struct connection **ret)
{
	int r = rpc_open_quietly(context, ret);

	return r < 0 ? rpc_unreachable(context, r) : EXIT_DONE;
}

int rpc_open_reading(struct context *context, struct connection **ret)
{
	struct offline *offline;
	struct offline_errors errors;
	int error = rpc_open_quietly(context, ret), r;

	if (error == 0)
		return EXIT_DONE;
	r = offline_open(context->state_dir, &errors, &offline);
	if (r == -ENOENT)
		return rpc_unreachable(context, error);
	if (r < 0) {
		report_error(
			"Cannot reach the daemon at %s (%s), and cannot read its records in %s "
			"(%s).",
			context->socket, strerror(-error), context->state_dir, strerror(-r));
		return EXIT_UNREACHABLE;
	}
	report_error("The daemon is not reachable (%s); this is from its records in %s.",
		strerror(-error), context->state_dir);
	if (errors.ring < 0)
		report_error("Its ring there cannot be read (%s): the newest records are missing.",
			strerror(-errors.ring));
	if (errors.casebook < 0)
		report_error("Its casebook there cannot be read (%s): older attempts and notes are "
			     "missing.",
			strerror(-errors.casebook));
	*ret = connection_to_offline(offline, offline_free);
	return *ret ? EXIT_DONE : report_no_memory();
}

/* The sentences for the daemon's errors. `%s` is the value of `field`. */
static const struct {
	const char *error;
	const char *field;
	enum exit_code code;
	const char *sentence;
} refusals[] = {
	{INTERFACE "NoSuchDevice", "device", EXIT_UNKNOWN_NAME,
		"No device %s is known here; `idevicetriage sessions` lists the known ones."},
	{INTERFACE "NoSuchSession", "session", EXIT_UNKNOWN_NAME,
		"No session %s is known here; `idevicetriage sessions` lists the known ones."},
	{INTERFACE "SessionEnded", "session", EXIT_REFUSED, "The session %s has ended."},
	{INTERFACE "SessionWatched", "session", EXIT_REFUSED,
		"The session %s was watched by the daemon: nothing can be added to it."},
	{INTERFACE "SessionForeign", "session", EXIT_REFUSED,
		"The session %s is of another bench: import the log there."},
	{INTERFACE "NoSuchChange", "id", EXIT_UNKNOWN_NAME, "No change %s is stored here."},
	{INTERFACE "DeviceBusy", "device", EXIT_REFUSED,
		"A restore of %s is running; try again when it has ended."},
	{INTERFACE "CasebookUnavailable", "reason", EXIT_REFUSED,
		"Cannot use the casebook: %s. Nothing was written; try again when that is "
		"fixed."},
	{INTERFACE "CasebookFull", "limit", EXIT_REFUSED,
		"Cannot store it: the casebook has reached its limit of %s bytes. Delete old "
		"attempts with `idevicetriage purge`, or raise casebook-size in "
		"/etc/idevicetriage/idevicetriaged.conf."},
	{INTERFACE "DailyLimit", "limit", EXIT_REFUSED,
		"Cannot store it: your user has sent %s bytes in the last day, its limit. Try "
		"again tomorrow, or ask the administrator to raise daily-limit in "
		"/etc/idevicetriage/idevicetriaged.conf."},
	{INTERFACE "NotAllowed", "method", EXIT_REFUSED,
		"Your user may not call %s; ask the administrator of this bench."},
	{INTERFACE "TooManySessions", "limit", EXIT_REFUSED,
		"The daemon already watches %s running sessions, its limit; try again when one has "
		"ended."},
	{"org.varlink.service.MethodNotFound", "method", EXIT_REFUSED,
		"The daemon has no method %s: it is older than this command; restart it."},
	{"org.varlink.service.MethodNotImplemented", "method", EXIT_REFUSED,
		"The daemon cannot do %s yet."},
	{INVALID_PARAMETER, "parameter", EXIT_REFUSED,
		"The daemon does not accept the value of %s."},
};

int rpc_refusal(const struct varlink_reply *reply, char sentence[static RPC_REFUSAL_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct json_object *value = NULL;

		if (!text_equal(reply->error, refusals[i].error))
			continue;
		if (reply->parameters)
			json_object_object_get_ex(reply->parameters, refusals[i].field, &value);
/* The sentences are the table's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(sentence, RPC_REFUSAL_SIZE, refusals[i].sentence,
			value ? json_object_get_string(value) : "(unnamed)");
#pragma GCC diagnostic pop
		return refusals[i].code;
	}
	snprintf(sentence, RPC_REFUSAL_SIZE, "The daemon refused with %s.", reply->error);
	return EXIT_REFUSED;
}

int rpc_refused(const struct varlink_reply *reply)
{
	char sentence[RPC_REFUSAL_SIZE];
	int code = rpc_refusal(reply, sentence);

	report_error("%s", sentence);
	return code;
}

static int lost(struct context *context, const char *method, int error)
{
	if (error == -ETIMEDOUT)
		report_error("The daemon at %s did not answer %s in %d s; see `systemctl status "
			     "idevicetriaged`.",
			context->socket, method, ANSWER_MS / 1000);
	else
		report_error("The connection to the daemon at %s broke in %s (%s).",
			context->socket, method, strerror(-error));
	return EXIT_UNREACHABLE;
}

int rpc_send(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters)
{
	int r = connection_send(connection, builder, method, parameters, false);

	return r < 0 ? lost(context, method, r) : EXIT_DONE;
}

int rpc_receive(struct context *context, struct connection *connection, const char *method,
	struct json_object **ret)
{
	struct varlink_reply reply = {0};
	int r = connection_wait(connection, ANSWER_MS, &reply);

	if (r < 0)
		return lost(context, method, r);
	r = reply.error ? rpc_refused(&reply) : EXIT_DONE;
	if (r == EXIT_DONE)
		*ret = json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return r;
}

/* Once is enough. */
static void report_incomplete(struct json_object *reply)
{
	static bool reported;
	const char *reason = field_text(reply, "incomplete");

	if (!reason || reported)
		return;
	reported = true;
	report_error("The casebook cannot be read (%s): attempts, notes or records are missing.",
		reason);
}

int rpc_call_allowing(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, const char *allowed,
	struct json_object **ret)
{
	struct varlink_reply reply = {0};
	int r;

	if (connection_offline(connection)) {
		const struct query query = {.store = offline_store(connection_offline(connection))};

		reply.parameters = query_call(&query, method, parameters, &reply.error);
		reply.message = reply.parameters;
		json_object_put(parameters);
		if (!reply.message)
			return report_no_memory();
	} else {
		r = connection_send(connection, builder, method, parameters, false);
		if (r == 0)
			r = connection_wait(connection, ANSWER_MS, &reply);
		if (r < 0)
			return lost(context, method, r);
	}
	r = EXIT_DONE;
	if (reply.error && allowed && text_equal(reply.error, allowed))
		*ret = NULL;
	else if (reply.error)
		r = rpc_refused(&reply);
	else
		*ret = json_object_get(reply.parameters);
	if (r == EXIT_DONE)
		report_incomplete(*ret);
	varlink_reply_done(&reply);
	return r;
}

int rpc_call(struct context *context, struct connection *connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, struct json_object **ret)
{
	return rpc_call_allowing(context, connection, method, builder, parameters, NULL, ret);
}

int rpc_call_plain(struct context *context, struct connection *connection, const char *method,
	struct json_object **ret)
{
	struct json_builder builder = {0};

	return rpc_call(context, connection, method, &builder, NULL, ret);
}

int rpc_ask_beside(struct context *context, struct connection **connection, const char *method,
	struct json_builder *builder, struct json_object *parameters, struct varlink_reply *ret)
{
	int r = *connection ? 0 : rpc_open_quietly(context, connection);

	if (r < 0) {
		json_object_put(parameters);
		return -EAGAIN;
	}
	r = connection_send(*connection, builder, method, parameters, false);
	if (r == 0)
		r = connection_wait(*connection, ANSWER_MS, ret);
	if (r == 0)
		return 0;
	*connection = connection_free(*connection);
	return r == -EMSGSIZE || r == -EBADMSG ? -EBADMSG : -EAGAIN;
}
