/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `case`: everything stored about a phone: its attempts and notes. */
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"

int command_case(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name = {0};
	int r, first = options_read(context, argc, argv, NULL, NULL, NULL, NULL);

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
		context->output->device_case(&context->layout, reply);
	return r;
}
