/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/pages.h"

#include "client/fields.h"

void pages_add(struct json_object *reply, struct json_object *page)
{
	struct json_object *all = field_list(reply, "sessions"),
			   *more = field_list(page, "sessions");
	struct json_builder builder = {0};

	for (size_t i = 0; i < field_count(more); i++)
		json_add(&builder, all, json_object_get(field_item(more, i)));
	json_object_object_del(reply, "cursor");
	if (field_text(page, "cursor"))
		json_put_text(&builder, reply, "cursor", field_text(page, "cursor"));
}

int pages_ask_rest(struct context *context, struct connection *connection, const char *device,
	struct json_object *reply)
{
	int r = EXIT_DONE;

	while (r == EXIT_DONE && field_text(reply, "cursor")) {
		CLEANUP(json_object_putp) struct json_object *page = NULL;
		struct json_builder builder = {0};
		struct json_object *parameters = json_new_object(&builder);

		json_put_text(&builder, parameters, "device", device);
		json_put_text(&builder, parameters, "cursor", field_text(reply, "cursor"));
		r = rpc_call(context, connection, "ListSessions", &builder, parameters, &page);
		if (r == EXIT_DONE)
			pages_add(reply, page);
	}
	return r;
}
