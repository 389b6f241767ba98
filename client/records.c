/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/records.h"

#include "client/fields.h"

int64_t records_last(struct json_object *reply)
{
	struct json_object *records = field_list(reply, "records");
	size_t count = field_count(records);

	return count ? field_number_or(field_item(records, count - 1), "sequence", 0) : 0;
}

struct json_object *records_parameters(
	struct json_builder *builder, const char *session, int64_t after)
{
	struct json_object *parameters = json_new_object(builder);

	if (session)
		json_put_text(builder, parameters, "session", session);
	if (after > 0)
		json_put_number(builder, parameters, "after", after);
	return parameters;
}

int records_read(struct context *context, struct connection *connection, const char *session,
	int64_t after, records_taker *take, void *user)
{
	for (bool first = true;; first = false) {
		CLEANUP(json_object_putp) struct json_object *reply = NULL;
		struct json_builder builder = {0};
		int r = rpc_call(context, connection, "ReadLog", &builder,
			records_parameters(&builder, session, after), &reply);

		if (r != EXIT_DONE || (records_last(reply) <= after && !first))
			return r;
		r = take(user, reply);
		if (r != EXIT_DONE || records_last(reply) <= after)
			return r;
		after = records_last(reply);
	}
}
