/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `sessions`: the recorded restore attempts, newest first. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pages.h"
#include "client/pager.h"
#include "client/time_parse.h"
#include "common/base/clock.h"
#include "common/base/id.h"

enum {
	OPTION_TICKET = OPTION_OWN,
	OPTION_PORT,
	OPTION_MODEL,
	OPTION_OUTCOME,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_CURSOR,
};

#define OUTCOMES "running succeeded failed aborted lost not-started ended-unknown withdrawn"

static const struct command_option own[] = {
	{"ticket", OPTION_TICKET, "TICKET", "only those of this ticket", COMPLETE_TICKET},
	{"port", OPTION_PORT, "PORT", "only at this port, or with this name of it", COMPLETE_PORT},
	{"model", OPTION_MODEL, "MODEL", "only this model: iPhone10,4 or \"iPhone 8\""},
	{"outcome", OPTION_OUTCOME, "OUTCOME", "only with this outcome", COMPLETE_WORDS, OUTCOMES},
	{"since", OPTION_SINCE, "TIME", "only from then on: yesterday, 3d, 2026-01-31"},
	{"until", OPTION_UNTIL, "TIME", "only up to then"},
	{"limit", 'n', "NUMBER", "list at most this many"},
	{"cursor", OPTION_CURSOR, "CURSOR", "continue after this cursor of --json -n"},
	{0},
};

struct sessions_request {
	const char *ticket, *port, *model, *outcome, *cursor;
	int64_t since_us, until_us; /* 0 = no limit */
	int64_t limit;		    /* -1 = none */
	const char *device, *name;  /* the phone, as the daemon accepts it, or any name */
};

static int take_time(const char *option, const char *value, int64_t *ret)
{
	if (moment_read(value, (int64_t)clock_now().wall_us, ret) == 0)
		return EXIT_DONE;
	report_error("Cannot read the time %s of %s. Give 2026-01-31, \"2026-01-31 14:05\", 14:05, "
		     "today, yesterday, 2h or \"3d ago\".",
		value, option);
	return EXIT_USAGE;
}

static int refuse_cursor(const char *value)
{
	report_error("--cursor must be the cursor of `idevicetriage --json sessions -n NUMBER`, "
		     "not %s.",
		value);
	return EXIT_USAGE;
}

static int take_cursor(const char *value, const char **ret)
{
	struct uuid session;

	*ret = value;
	return uuid_parse(value, &session) == 0 ? EXIT_DONE : refuse_cursor(value);
}

static int take(void *user, int option, const char *value)
{
	struct sessions_request *request = user;

	switch (option) {
	case OPTION_SINCE:
		return take_time("--since", value, &request->since_us);
	case OPTION_UNTIL:
		return take_time("--until", value, &request->until_us);
	case 'n':
		return option_number("--limit", value, 1, &request->limit);
	case OPTION_TICKET:
		request->ticket = value;
		break;
	case OPTION_PORT:
		request->port = value;
		break;
	case OPTION_MODEL:
		request->model = value;
		return name_take_model(value);
	case OPTION_OUTCOME:
		return option_word("--outcome", value, OUTCOMES " unknown", &request->outcome);
	case OPTION_CURSOR:
		return take_cursor(value, &request->cursor);
	}
	return EXIT_DONE;
}

static void put_text(struct json_builder *builder, struct json_object *parameters, const char *key,
	const char *value)
{
	if (value)
		json_put_text(builder, parameters, key, value);
}

/* Asks for one page of at most `limit` after `cursor` (NULL = the first). */
static int ask_page(struct context *context, struct connection *connection,
	const struct sessions_request *request, int64_t limit, const char *cursor,
	struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	bool typed = cursor && cursor == request->cursor;
	int r;

	put_text(&builder, parameters, "device", request->device);
	put_text(&builder, parameters, "name", request->name);
	put_text(&builder, parameters, "ticket", request->ticket);
	put_text(&builder, parameters, "port", request->port);
	put_text(&builder, parameters, "model", request->model);
	put_text(&builder, parameters, "outcome", request->outcome);
	put_text(&builder, parameters, "cursor", cursor);
	if (request->since_us)
		json_put_number(&builder, parameters, "sinceUSec", request->since_us);
	if (request->until_us)
		json_put_number(&builder, parameters, "untilUSec", request->until_us);
	if (limit >= 0)
		json_put_number(&builder, parameters, "limit", limit);
	r = rpc_call_allowing(context, connection, "ListSessions", &builder, parameters,
		typed ? INVALID_PARAMETER : NULL, ret);
	return r == EXIT_DONE && !*ret ? refuse_cursor(cursor) : r;
}

/* Collects the pages in one reply. Its cursor stays if the limit ends the list. */
static int ask_pages(struct context *context, struct connection *connection,
	const struct sessions_request *request, struct json_object **ret)
{
	int64_t limit = request->limit;
	int r = ask_page(context, connection, request, limit, request->cursor, ret);

	while (r == EXIT_DONE && field_text(*ret, "cursor")) {
		CLEANUP(json_object_putp) struct json_object *page = NULL;
		int64_t got = (int64_t)field_count(field_list(*ret, "sessions"));
		int64_t left = limit < 0 ? limit : limit - got;

		if (left == 0)
			break;
		r = ask_page(context, connection, request, left, field_text(*ret, "cursor"), &page);
		if (r == EXIT_DONE)
			pages_add(*ret, page);
	}
	return r;
}

/* A name may have the sessions of several phones: those of a ticket. A port is the phone there. */
static int take_name(struct context *context, struct connection *connection, const char *text,
	struct sessions_request *request, struct name *name)
{
	CLEANUP(json_object_putp) struct json_object *found = NULL;
	int r = ask_found(context, connection, text, &found);

	if (r != EXIT_DONE)
		return r;
	if (field_count(field_list(found, "ports")) == 0 &&
		field_count(field_list(found, "devices")) +
				field_count(field_list(found, "sessions")) +
				field_count(field_list(found, "ticketSessions")) >
			0) {
		request->name = text;
		return EXIT_DONE;
	}
	r = ask_name(context, connection, text, NAME_DEVICE, name);
	request->device = name->text;
	return r;
}

static int run_sessions(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct sessions_request request = {.limit = -1};
	struct name name = {0};
	int r, first = options_read(context, argc, argv, take, &request);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("sessions", argv[first + 1]);
	r = rpc_open_reading(context, &connection);
	if (r == EXIT_DONE && first < argc)
		r = take_name(context, connection, argv[first], &request, &name);
	if (r == EXIT_DONE)
		r = ask_pages(context, connection, &request, &reply);
	if (r == EXIT_DONE) {
		pager_begin(context);
		context->output->sessions(&context->layout, reply);
	}
	return r;
}

const struct command command_sessions = {
	.name = "sessions",
	.arguments = "[DEVICE|SESSION|TICKET]",
	.brief = "the restore attempts",
	.summary = "List the restore attempts, newest first.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage sessions -n 5", "the newest five"},
		{"idevicetriage sessions --since yesterday --outcome failed",
			"what failed since yesterday"}},
	.run = run_sessions,
};
