/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `conditions`: shows or sets the conditions at a port or of a phone, which apply until changed. Or
 * corrects those of a past attempt. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/reported.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "client/phrase.h"
#include "common/base/text.h"

enum { OPTION_NAME = OPTION_OWN, OPTION_SESSION };

static const struct command_option own[] = {
	CONDITION_OPTIONS,
	UNSET_OPTION("delete this value"),
	{"name", OPTION_NAME, "NAME", "the name of the port in the shop"},
	{"session", OPTION_SESSION, "SESSION", "correct those of this attempt", COMPLETE_SESSION},
	{0},
};

struct conditions_request {
	struct reported reported;
	const char *session; /* of which they are; NULL = of a place */
	bool named;	     /* --name */
};

static int take(void *user, int option, const char *value)
{
	struct conditions_request *request = user;

	if (option == OPTION_SESSION) {
		request->session = value;
		return EXIT_DONE;
	}
	if (option == OPTION_NAME) {
		request->named = true;
		return reported_set(&request->reported, "--name", "portName", value);
	}
	return reported_read(&request->reported, option, value);
}

static struct json_object *conditions_to_json(
	struct json_builder *builder, const struct reported *reported)
{
	struct json_object *conditions = json_new_array(builder);

	for (size_t i = 0; i < reported->count; i++) {
		const char *text = reported->details[i].text;
		struct json_object *condition = json_new_object(builder);

		json_put_text(builder, condition, "key", reported->details[i].key);
		json_put_text(builder, condition, "value", *text ? text : "unknown");
		json_add(builder, conditions, condition);
	}
	return conditions;
}

/* Queries the place (NULL = all). */
static int ask_conditions(struct context *context, struct connection *connection, const char *place,
	struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	if (place)
		json_put_text(&builder, parameters, "place", place);
	return rpc_call(context, connection, "GetConditions", &builder, parameters, ret);
}

static int check_unset(struct context *context, struct connection *connection,
	const struct conditions_request *request, const char *place)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	int r;

	if (!reported_unsets_own(&request->reported))
		return EXIT_DONE;
	r = ask_conditions(context, connection, place, &reply);
	return r != EXIT_DONE ? r
			      : reported_check_unset(&request->reported,
					field_list(field_item(field_list(reply, "places"), 0),
						"conditions"),
					place);
}

/* The port that has this name; NULL = none but `place`. */
static const char *port_with_name(struct json_object *places, const char *place, const char *name)
{
	for (size_t i = 0; i < field_count(places); i++) {
		const char *port = field_text(field_item(places, i), "port");
		const char *slot = phrase_slot(field_item(places, i));

		if (port && slot && strcasecmp(slot, name) == 0 && !text_equal(port, place))
			return port;
	}
	return NULL;
}

static int check_name(struct context *context, struct connection *connection,
	const struct conditions_request *request, const char *place)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	const char *name = reported_text(&request->reported, "portName"), *port;
	int r;

	if (!name || !*name)
		return EXIT_DONE;
	r = ask_conditions(context, connection, NULL, &reply);
	port = port_with_name(field_list(reply, "places"), place, name);
	if (!port)
		return r;
	report_error("Cannot name port %s %s: port %s has this name. Choose another name, or take "
		     "it from that port with `idevicetriage conditions %s --unset portName`.",
		place, name, port, port);
	return EXIT_REFUSED;
}

static int set_conditions(struct context *context, struct connection *connection,
	const struct conditions_request *request, const char *place, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters;
	int r = reported_check_keys(&request->reported);

	if (r == EXIT_DONE)
		r = check_unset(context, connection, request, place);
	if (r == EXIT_DONE)
		r = check_name(context, connection, request, place);
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "place", place);
	json_put(&builder, parameters, "conditions",
		conditions_to_json(&builder, &request->reported));
	return rpc_call(context, connection, "SetConditions", &builder, parameters, ret);
}

static int find_place(struct context *context, struct connection *connection,
	const struct conditions_request *request, const char *text, struct name *name)
{
	int r = ask_name(context, connection, text, NAME_DEVICE, name);
	char udid[UDID_SIZE];
	struct name whole;

	if (r == EXIT_DONE && name_take(name->text, NAME_DEVICE, &whole) != 1) {
		report_error("%s is neither a known phone nor a port such as 1-2.3; `idevicetriage "
			     "status` lists both.",
			text);
		return EXIT_UNKNOWN_NAME;
	}
	if (r == EXIT_DONE && request->named &&
		(!strchr(name->text, '-') || udid_normalize(name->text, udid) == 0)) {
		report_error("--name is for a port such as 1-2.3, not for the phone %s.", text);
		return EXIT_USAGE;
	}
	return r;
}

static int run(struct context *context, const struct conditions_request *request, const char *place)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE && place)
		r = find_place(context, connection, request, place, &name);
	if (r == EXIT_DONE)
		r = request->reported.count > 0
			    ? set_conditions(context, connection, request, name.text, &reply)
			    : ask_conditions(context, connection, place ? name.text : NULL, &reply);
	if (r == EXIT_DONE) {
		pager_begin(context);
		context->output->conditions(&context->layout, reply);
	}
	return r;
}

static int run_conditions(struct context *context, int argc, char **argv)
{
	struct conditions_request request = {0};
	int first = options_read(context, argc, argv, take, &request);

	if (first < 0)
		return -first;
	if (first + !request.session < argc)
		return options_too_many("conditions", argv[first + !request.session]);
	if (request.session)
		return reported_correct(context, &request.reported, request.session);
	if (first == argc && request.reported.count > 0) {
		report_error("conditions needs the port, the phone or --session SESSION that they "
			     "are about.");
		return EXIT_USAGE;
	}
	return run(context, &request, first < argc ? argv[first] : NULL);
}

const struct command command_conditions = {
	.name = "conditions",
	.arguments = "[PORT|DEVICE|--session SESSION]",
	.brief = "which cable, which parts",
	.summary = "Show or set the conditions at a port or of a phone, which apply until changed.",
	.options = own,
	.words = COMPLETE_PORT,
	.examples = {{"idevicetriage conditions 1-2.3 --name 'slot 4' --cable L07",
			     "a port and the cable that stays in it"},
		{"idevicetriage conditions 5E6F --earpiece-flex disconnected",
			"a part of a phone"}},
	.run = run_conditions,
};
