/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `watch`: shows events as they happen, and on a terminal a live line for the running restore. */
#include <stdio.h>

#include "client/live.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/port_errors.h"
#include "client/stream.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define TICK_MS 250
#define ASK_EVERY_US USEC_PER_SEC
#define SESSIONS_LOOKED_AT 32
#define ANSWER_MS 2000

/* The live line. It has its own connection, because the other one is used by the stream. */
struct watch {
	struct connection *connection;
	struct json_object *session; /* the newest running one; NULL = none */
	struct stamp asked;
	bool shown;
};

static void hide(struct context *context, struct watch *watch)
{
	if (watch->shown)
		fputs("\r\033[K", context->layout.out);
	watch->shown = false;
}

static int64_t show_change(struct context *context, void *user, struct json_object *reply)
{
	hide(context, user);
	context->output->change(&context->layout, reply);
	return field_number_or(reply, "sequence", 0);
}

/* Stores the newest running session of ListSessions' answer. */
static void keep_running(struct watch *watch, struct json_object *reply)
{
	struct json_object *list = field_list(reply, "sessions");

	for (size_t i = 0; i < field_count(list); i++)
		if (text_equal(field_text_or(field_item(list, i), "outcome", ""), "running")) {
			watch->session = json_object_get(field_item(list, i));
			return;
		}
}

/* Queries the progress of the restore. The stream reports a lost daemon. */
static void ask_progress(struct context *context, struct watch *watch)
{
	struct json_builder builder = {0};
	struct json_object *limit = json_new_object(&builder);
	struct varlink_reply reply = {0};

	json_object_putp(&watch->session);
	watch->session = NULL;
	json_put_number(&builder, limit, "limit", SESSIONS_LOOKED_AT);
	if (!watch->connection && connection_open(context->socket, &watch->connection) < 0) {
		json_object_put(limit);
		return;
	}
	if (connection_send(watch->connection, &builder, "ListSessions", limit, false) < 0 ||
		connection_wait(watch->connection, ANSWER_MS, &reply) < 0) {
		watch->connection = connection_free(watch->connection);
		return;
	}
	keep_running(watch, reply.parameters);
	varlink_reply_done(&reply);
}

static void tick(struct context *context, void *user)
{
	struct watch *watch = user;
	struct stamp now = clock_now();
	char line[LIVE_BYTES];

	if (now.monotonic_us - watch->asked.monotonic_us >= ASK_EVERY_US) {
		ask_progress(context, watch);
		watch->asked = now = clock_now();
	}
	hide(context, watch);
	if (watch->session) {
		context->layout.width = layout_terminal_width(fileno(context->layout.out));
		live_line(&context->layout, watch->session,
			(int64_t)(now.monotonic_us - watch->asked.monotonic_us),
			(int64_t)now.wall_us - field_number_or(watch->session, "startedUSec", 0),
			line);
		fputs(line, context->layout.out);
		watch->shown = true;
	}
	fflush(context->layout.out);
}

/* Warns of ports that fail more transfers than the others, before a restore begins there. A daemon
 * without a casebook has no counts. */
static void warn_of_ports(struct context *context, struct connection *connection)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *by = json_new_object(&builder);
	struct port_errors errors;
	char text[256];
	size_t at = 0;

	json_put_text(&builder, by, "by", "port");
	if (rpc_call_allowing(context, connection, "GetStatistics", &builder, by,
		    INTERFACE "CasebookUnavailable", &reply) != EXIT_DONE)
		return;
	while (port_errors_next(field_list(reply, "groups"), &at, &errors)) {
		port_errors_describe(&errors, text, sizeof(text));
		fprintf(stderr, "Warning: %s Run idevicetriage doctor for the remedy.\n", text);
	}
}

static int run_watch(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct watch watch = {0};
	struct stream stream = {
		.method = "Watch", .show = show_change, .tick_ms = TICK_MS, .user = &watch};
	int r, first = options_read(context, argc, argv, NULL, NULL);

	if (first < 0)
		return -first;
	if (first < argc)
		return options_too_many("watch", argv[first]);
	if (context->output->live && context->layout.terminal)
		stream.tick = tick;
	r = rpc_open(context, &connection);
	if (r == EXIT_DONE && context->output->live)
		warn_of_ports(context, connection);
	if (r == EXIT_DONE)
		r = stream_run(context, TAKE_PTR(connection), &stream, &builder,
			json_new_object(&builder));
	connection_free(watch.connection);
	json_object_putp(&watch.session);
	return r;
}

const struct command command_watch = {
	.name = "watch",
	.arguments = "",
	.brief = "events as they happen",
	.summary = "Show events and changed verdicts as they happen, until interrupted.",
	.examples = {{"idevicetriage watch", "until Ctrl-C"},
		{"idevicetriage --json watch", "one JSON object a line"}},
	.run = run_watch,
};
