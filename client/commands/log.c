/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `log`: the records of a session, or of all; from the ring file if there is no daemon. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/records.h"
#include "client/stream.h"

struct log_options {
	bool follow;
	int64_t after;
};

static const struct option own[] = {
	{"follow", no_argument, NULL, 'f'}, {"after", required_argument, NULL, 'a'}, {0}};

static int take(void *user, int option, const char *value)
{
	struct log_options *options = user;

	if (option == 'a')
		return option_number("--after", value, 0, &options->after);
	options->follow = true;
	return EXIT_DONE;
}

static int64_t show_records(struct context *context, void *user, struct json_object *reply)
{
	context->output->records(&context->layout, reply);
	return records_last(reply);
}

static int show_reply(void *user, struct json_object *reply)
{
	show_records(user, NULL, reply);
	return EXIT_DONE;
}

int command_log(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct log_options options = {0};
	struct name name = {0};
	const char *session = NULL;
	int r, first = options_read(context, argc, argv, "f", own, take, &options);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("log", argv[first + 1]);
	if (first < argc)
		session = argv[first];
	r = options.follow ? rpc_open(context, &connection)
			   : rpc_open_reading(context, &connection);
	if (r == EXIT_DONE && session) {
		r = ask_name(context, connection, session, NAME_SESSION, &name);
		session = name.text;
	}
	if (r != EXIT_DONE)
		return r;
	if (options.follow)
		return stream_run(context, TAKE_PTR(connection),
			&(struct stream){.method = "ReadLog", .show = show_records}, &builder,
			records_parameters(&builder, session, options.after));
	return records_read(context, connection, session, options.after, show_reply, context);
}
