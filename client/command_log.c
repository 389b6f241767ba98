/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `log`: the records of a session, or of all; from the ring file where no daemon answers. */
#include "client/name.h"
#include "client/offline.h"
#include "client/options.h"
#include "client/output.h"
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
		return option_number("--after", value, &options->after);
	options->follow = true;
	return EXIT_DONE;
}

static int64_t last_sequence(struct json_object *reply)
{
	struct json_object *records = field_list(reply, "records");
	size_t count = field_count(records);

	return count ? field_number_or(field_item(records, count - 1), "sequence", 0) : 0;
}

static int64_t show_records(struct context *context, void *user, struct json_object *reply)
{
	context->output->records(&context->page, reply);
	return last_sequence(reply);
}

static struct json_object *log_parameters(
	struct json_builder *builder, const char *session, int64_t after)
{
	struct json_object *parameters = json_new_object(builder);

	if (session)
		json_put_text(builder, parameters, "session", session);
	if (after > 0)
		json_put_number(builder, parameters, "after", after);
	return parameters;
}

/* A reply has a limit: asks until one is empty. The first is shown also when it is. */
static int read_all(
	struct context *context, struct connection *connection, const char *session, int64_t after)
{
	for (bool first = true;; first = false) {
		CLEANUP(json_object_putp) struct json_object *reply = NULL;
		struct json_builder builder = {0};
		int r = ask(context, connection, "ReadLog", &builder,
			log_parameters(&builder, session, after), &reply);

		if (r != EXIT_DONE)
			return r;
		if (last_sequence(reply) <= after && !first)
			return EXIT_DONE;
		context->output->records(&context->page, reply);
		if (last_sequence(reply) <= after)
			return EXIT_DONE;
		after = last_sequence(reply);
	}
}

static int log_offline(
	struct context *context, int error, const char *session, const struct log_options *options)
{
	if (options->follow)
		return ask_unreachable(context, error);
	return offline_log(context, error, session, options->after);
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
	r = ask_open_quietly(context, &connection);
	if (r < 0)
		return log_offline(context, r, session, &options);
	if (session) {
		r = ask_name(context, connection, session, NAME_SESSION, &name);
		if (r != EXIT_DONE)
			return r;
		session = name.text;
	}
	if (options.follow)
		return stream_run(context, TAKE_PTR(connection),
			&(struct stream){.method = "ReadLog", .show = show_records}, &builder,
			log_parameters(&builder, session, options.after));
	return read_all(context, connection, session, options.after);
}
