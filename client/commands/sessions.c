/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `sessions`: the recorded restore attempts, newest first. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"

static const struct command_option own[] = {
	{"limit", 'n', "NUMBER", "list at most this many"},
	{0},
};

static int take(void *user, int option, const char *value)
{
	return option_number("--limit", value, 1, user);
}

/* Asks for one page after `cursor` (NULL = the first). */
static int ask_page(struct context *context, struct connection *connection, const char *device,
	int64_t limit, const char *cursor, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	if (device)
		json_put_text(&builder, parameters, "device", device);
	if (limit >= 0)
		json_put_number(&builder, parameters, "limit", limit);
	if (cursor)
		json_put_text(&builder, parameters, "cursor", cursor);
	return rpc_call(context, connection, "ListSessions", &builder, parameters, ret);
}

/* Collects the pages in one reply. Its cursor stays if `limit` ends the list. */
static int ask_pages(struct context *context, struct connection *connection, const char *device,
	int64_t limit, struct json_object **ret)
{
	int r = ask_page(context, connection, device, limit, NULL, ret);

	while (r == EXIT_DONE && field_text(*ret, "cursor")) {
		CLEANUP(json_object_putp) struct json_object *page = NULL;
		struct json_object *all = field_list(*ret, "sessions"), *more;
		int64_t left = limit < 0 ? limit : limit - (int64_t)field_count(all);
		struct json_builder builder = {0};

		if (left == 0)
			break;
		r = ask_page(context, connection, device, left, field_text(*ret, "cursor"), &page);
		if (r != EXIT_DONE)
			break;
		more = field_list(page, "sessions");
		for (size_t i = 0; i < field_count(more); i++)
			json_add(&builder, all, json_object_get(field_item(more, i)));
		json_object_object_del(*ret, "cursor");
		if (field_text(page, "cursor"))
			json_put_text(&builder, *ret, "cursor", field_text(page, "cursor"));
	}
	return r;
}

static int run_sessions(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct name name = {0};
	int64_t limit = -1;
	int r, first = options_read(context, argc, argv, take, &limit);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("sessions", argv[first + 1]);
	r = rpc_open_reading(context, &connection);
	if (r == EXIT_DONE && first < argc)
		r = ask_name(context, connection, argv[first], NAME_DEVICE, &name);
	if (r != EXIT_DONE)
		return r;
	r = ask_pages(context, connection, first < argc ? name.text : NULL, limit, &reply);
	if (r == EXIT_DONE) {
		pager_begin(context);
		context->output->sessions(&context->layout, reply);
	}
	return r;
}

const struct command command_sessions = {
	.name = "sessions",
	.arguments = "[DEVICE]",
	.brief = "the restore attempts",
	.summary = "List the restore attempts, newest first.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage sessions -n 5", "the newest five"},
		{"idevicetriage sessions 1-2.3", "those of the phone at this port"}},
	.run = run_sessions,
};
