/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `watch`: what happens, as it happens. */
#include "client/options.h"
#include "client/output.h"
#include "client/stream.h"

static int64_t show_change(struct context *context, struct json_object *reply)
{
	context->output->change(&context->page, reply);
	return field_number_or(reply, "sequence", 0);
}

int command_watch(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	int r, first = options_read(context, argc, argv, NULL, NULL, NULL, NULL);

	if (first < 0)
		return -first;
	if (first < argc)
		return options_too_many("watch", argv[first]);
	r = ask_open(context, &connection);
	if (r != EXIT_DONE)
		return r;
	return stream_run(context, TAKE_PTR(connection), "Watch", &builder,
		json_new_object(&builder), show_change);
}
