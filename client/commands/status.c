/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `status`: the daemon, the phones on the bench, the running restores. */
#include "client/rpc.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/sync_report.h"
#include "common/base/text.h"

#define SESSIONS_LOOKED_AT 100

/* Adds the list `key` of `from` to `status`. */
static void add_list(struct json_builder *builder, struct json_object *status, const char *key,
	struct json_object *from)
{
	struct json_object *list = field_list(from, key);

	json_put(builder, status, key, list ? json_object_get(list) : json_new_array(builder));
}

/* Adds the running ones among the newest sessions. */
static void add_running(
	struct json_builder *builder, struct json_object *status, struct json_object *reply)
{
	struct json_object *all = field_list(reply, "sessions");
	struct json_object *running = json_new_array(builder);

	for (size_t i = 0; i < field_count(all); i++) {
		struct json_object *session = field_item(all, i);

		if (text_equal(field_text_or(session, "outcome", ""), "running"))
			json_add(builder, running, json_object_get(session));
	}
	json_put(builder, status, "sessions", running);
}

/* The exchange with other benches, where it is set up. */
static void add_sync(struct json_builder *builder, struct json_object *status)
{
	CLEANUP(sync_report_done) struct sync_report report;
	struct json_object *sync;

	sync_report_read("", &report);
	if (report.state == SYNC_NONE)
		return;
	sync = json_new_object(builder);
	json_put_bool(builder, sync, "connected", report.state == SYNC_WORKS);
	json_put_known_text(builder, sync, "bench", field_text(report.object, "bench"));
	if (report.waiting >= 0)
		json_put_number(builder, sync, "waiting", report.waiting);
	if (report.state != SYNC_WORKS)
		json_put_text(builder, sync, "error",
			report.state == SYNC_STOPPED
				? "idevicetriage-sync is not running"
				: field_text_or(report.object, "lastError", "not connected"));
	json_put(builder, status, "sync", sync);
}

/* Queries everything. Returns EXIT_DONE with *ret owned by the caller, or an exit code. */
static int ask_status(
	struct context *context, struct connection *connection, struct json_object **ret)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL, *devices = NULL;
	CLEANUP(json_object_putp) struct json_object *sessions = NULL;
	struct json_builder builder = {0};
	struct json_object *limit;
	int r;

	r = rpc_call_plain(context, connection, "GetStatus", &status);
	if (r == EXIT_DONE)
		r = rpc_call_plain(context, connection, "ListDevices", &devices);
	if (r != EXIT_DONE)
		return r;
	limit = json_new_object(&builder);
	json_put_number(&builder, limit, "limit", SESSIONS_LOOKED_AT);
	r = rpc_call(context, connection, "ListSessions", &builder, limit, &sessions);
	if (r != EXIT_DONE)
		return r;
	add_list(&builder, status, "devices", devices);
	add_running(&builder, status, sessions);
	add_sync(&builder, status);
	*ret = json_finish(&builder, TAKE_PTR(status));
	return *ret ? EXIT_DONE : report_no_memory();
}

static int run_status(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	int r, first = options_read(context, argc, argv, NULL, NULL);

	if (first < 0)
		return -first;
	if (first < argc)
		return options_too_many("status", argv[first]);
	r = rpc_open(context, &connection);
	if (r == EXIT_DONE)
		r = ask_status(context, connection, &status);
	if (r == EXIT_DONE)
		context->output->status(&context->layout, status);
	return r;
}

const struct command command_status = {
	.name = "status",
	.arguments = "",
	.brief = "phones, running restores",
	.summary = "Show the daemon, its sources, the phones and the running restores.",
	.examples = {{"idevicetriage status", "what is on the bench"},
		{"idevicetriage --json status | jq .devices", "the phones, for a script"}},
	.run = run_status,
};
