/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `conditions`: shows or sets the conditions at a port or of a phone, which apply until changed. */
#include <errno.h>
#include <string.h>

#include "client/conditions.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/text.h"
#include "common/model/attempt.h"

enum { OPTION_NAME = CONDITION_OPTIONS_END };

static const struct option own[] = {
	CONDITION_OPTIONS, {"name", required_argument, NULL, OPTION_NAME}, {0}};

struct conditions_request {
	struct json_builder builder;
	struct json_object *conditions;
	bool named; /* --name */
};

static void add_condition(void *user, const char *key, const char *value)
{
	struct conditions_request *request = user;
	struct json_object *condition = json_new_object(&request->builder);

	json_put_text(&request->builder, condition, "key", key);
	json_put_text(&request->builder, condition, "value", value);
	json_add(&request->builder, request->conditions, condition);
}

/* Checks what the daemon would refuse without a reason. */
static int check_value(const char *value)
{
	const char *equals = strchr(value, '=');

	if (!*value || !text_is_utf8(value, strlen(value))) {
		report_error("A label is valid UTF-8 and not empty.");
		return EXIT_USAGE;
	}
	if (strlen(value) < CONDITION_VALUE_SIZE ||
		(equals && strlen(equals + 1) < CONDITION_VALUE_SIZE &&
			equals - value < CONDITION_KEY_SIZE))
		return EXIT_DONE;
	report_error(
		"A label has at most %d bytes, not %zu.", CONDITION_VALUE_SIZE - 1, strlen(value));
	return EXIT_USAGE;
}

static int take(void *user, int option, const char *value)
{
	struct conditions_request *request = user;
	int r = value ? check_value(value) : EXIT_DONE;

	if (r != EXIT_DONE)
		return r;
	if (option == OPTION_NAME) {
		request->named = true;
		add_condition(user, "portName", value);
		return EXIT_DONE;
	}
	return condition_read(option, value, add_condition, user);
}

/* Queries the place or, with conditions to set, sets them. */
static int ask_conditions(struct context *context, struct connection *connection,
	struct conditions_request *request, const char *place, struct json_object **ret)
{
	struct json_object *parameters = json_new_object(&request->builder);
	bool sets = json_object_array_length(request->conditions) > 0;

	if (place)
		json_put_text(&request->builder, parameters, "place", place);
	if (sets)
		json_put(&request->builder, parameters, "conditions",
			json_object_get(request->conditions));
	return rpc_call(context, connection, sets ? "SetConditions" : "GetConditions",
		&request->builder, parameters, ret);
}

static int find_place(struct context *context, struct connection *connection,
	const struct conditions_request *request, const char *text, struct name *name)
{
	int r = ask_name(context, connection, text, NAME_DEVICE, name);
	char udid[UDID_SIZE];
	struct name whole;

	if (r == EXIT_DONE && name_take(name->text, NAME_DEVICE, &whole) != 1) {
		report_error("No phone %s is known here, and it is not a port such as 1-2.3; "
			     "`idevicetriage status` shows both.",
			text);
		return EXIT_UNKNOWN_NAME;
	}
	if (r == EXIT_DONE && request->named &&
		(!strchr(name->text, '-') || udid_normalize(name->text, udid) == 0)) {
		report_error("--name names a port such as 1-2.3, not the phone %s.", text);
		return EXIT_USAGE;
	}
	return r;
}

static int run(struct context *context, struct conditions_request *request, const char *place)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE && place)
		r = find_place(context, connection, request, place, &name);
	if (r == EXIT_DONE)
		r = ask_conditions(context, connection, request, place ? name.text : NULL, &reply);
	if (r == EXIT_DONE)
		context->output->conditions(&context->layout, reply);
	return r;
}

int command_conditions(struct context *context, int argc, char **argv)
{
	struct conditions_request request = {0};
	int first, r;

	request.conditions = json_new_array(&request.builder);
	first = options_read(context, argc, argv, NULL, own, take, &request);
	if (first < 0) {
		r = -first;
	} else if (first == argc && json_object_array_length(request.conditions) > 0) {
		report_error("conditions needs the port or the phone where they hold.");
		r = EXIT_USAGE;
	} else if (first + 1 < argc) {
		r = options_too_many("conditions", argv[first + 1]);
	} else {
		r = run(context, &request, first < argc ? argv[first] : NULL);
	}
	json_object_put(request.conditions);
	return r;
}
