/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `sessions`: the recorded restore attempts, newest first. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"

static const struct option own[] = {{"limit", required_argument, NULL, 'n'}, {0}};

static int take(void *user, int option, const char *value)
{
	return option_number("--limit", value, 1, user);
}

int command_sessions(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name = {0};
	int64_t limit = -1;
	int r, first = options_read(context, argc, argv, "n:", own, take, &limit);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("sessions", argv[first + 1]);
	r = rpc_open_reading(context, &connection);
	if (r == EXIT_DONE && first < argc)
		r = ask_name(context, connection, argv[first], NAME_DEVICE, &name);
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	if (first < argc)
		json_put_text(&builder, parameters, "device", name.text);
	if (limit >= 0)
		json_put_number(&builder, parameters, "limit", limit);
	r = rpc_call(context, connection, "ListSessions", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		context->output->sessions(&context->layout, reply);
	return r;
}
