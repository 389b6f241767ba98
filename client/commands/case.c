/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `case`: everything stored about a phone: its attempts and notes. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pages.h"
#include "client/pager.h"

static int run_case(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name = {0};
	int r, first = options_read(context, argc, argv, NULL, NULL);

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("case needs a device; `idevicetriage sessions` lists the known ones.");
		return EXIT_USAGE;
	}
	if (first + 1 < argc)
		return options_too_many("case", argv[first + 1]);
	r = rpc_open_reading(context, &connection);
	if (r == EXIT_DONE)
		r = ask_name(context, connection, argv[first], NAME_DEVICE, &name);
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "device", name.text);
	r = rpc_call(context, connection, "GetCase", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		r = pages_ask_rest(context, connection, name.text, reply);
	if (r == EXIT_DONE) {
		pager_begin(context);
		context->output->device_case(&context->layout, reply);
	}
	return r;
}

const struct command command_case = {
	.name = "case",
	.arguments = "DEVICE",
	.brief = "all stored about a phone",
	.summary = "Show everything stored about a phone: its attempts and notes.",
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage case 1-2.3", "the phone at this port"},
		{"idevicetriage case 5E6F", "the phone whose ECID ends in 5E6F"}},
	.run = run_case,
};
