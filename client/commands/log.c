/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `log`: the records of a session, or of all; from the ring file if there is no daemon. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "client/phrase.h"
#include "client/records.h"
#include "client/stream.h"

struct log_options {
	bool follow;
	int64_t after;
};

enum { OPTION_AFTER = OPTION_OWN };

static const struct command_option own[] = {
	{"follow", 'f', NULL, "continue with new records until interrupted"},
	{"after", OPTION_AFTER, "SEQUENCE", "start after this record"},
	{0},
};

static int take(void *user, int option, const char *value)
{
	struct log_options *options = user;

	if (option == OPTION_AFTER)
		return option_number("--after", value, 0, &options->after);
	options->follow = true;
	return EXIT_DONE;
}

static int64_t show_records(struct context *context, void *user, struct json_object *reply)
{
	context->output->records(&context->layout, reply);
	return records_last(reply);
}

/* The records of one look, not of a stream. */
struct shown {
	struct context *context;
	bool any;
};

static int show_reply(void *user, struct json_object *reply)
{
	struct shown *shown = user;

	shown->any |= records_last(reply) > 0;
	show_records(shown->context, NULL, reply);
	return EXIT_DONE;
}

static int show_stored(
	struct context *context, struct connection *connection, const char *session, int64_t after)
{
	struct shown shown = {.context = context};
	int r = records_read(context, connection, session, after, show_reply, &shown);

	if (r == EXIT_DONE && session && !after && !shown.any)
		report_error("No records of %s are stored: it was entered by a person or imported "
			     "without them, or they are older than keep-records.",
			phrase_session(session));
	return r;
}

static int run_log(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct log_options options = {0};
	struct name name = {0};
	const char *session = NULL;
	int r, first = options_read(context, argc, argv, take, &options);

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
	pager_begin(context);
	return show_stored(context, connection, session, options.after);
}

const struct command command_log = {
	.name = "log",
	.arguments = "[SESSION]",
	.brief = "the records of a session",
	.summary = "Show the records of a session, or of all.",
	.options = own,
	.words = COMPLETE_SESSION,
	.examples = {{"idevicetriage log 3f9c21aa", "the session with this end of its identifier"},
		{"idevicetriage log -f", "all records, and new ones until Ctrl-C"}},
	.run = run_log,
};
