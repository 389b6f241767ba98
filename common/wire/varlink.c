/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/wire/varlink.h"

#include <errno.h>

int varlink_call_read(const char *text, size_t length, struct varlink_call *ret)
{
	struct varlink_call call = {.length = length};
	int r;

	r = json_read(text, length, &call.message);
	if (r < 0)
		return r;
	if (json_get_text(call.message, "method", &call.method) <= 0 ||
		json_get_object(call.message, "parameters", &call.parameters) < 0 ||
		json_get_bool(call.message, "more", &call.more) < 0 ||
		json_get_bool(call.message, "oneway", &call.oneway) < 0) {
		varlink_call_done(&call);
		return -EBADMSG;
	}
	*ret = call;
	return 0;
}

void varlink_call_done(struct varlink_call *call)
{
	json_object_put(call->message);
	*call = (struct varlink_call){0};
}

int varlink_reply_read(const char *text, size_t length, struct varlink_reply *ret)
{
	struct varlink_reply reply = {0};
	int r;

	r = json_read(text, length, &reply.message);
	if (r < 0)
		return r;
	if (json_get_text(reply.message, "error", &reply.error) < 0 ||
		json_get_object(reply.message, "parameters", &reply.parameters) < 0 ||
		json_get_bool(reply.message, "continues", &reply.continues) < 0) {
		varlink_reply_done(&reply);
		return -EBADMSG;
	}
	*ret = reply;
	return 0;
}

void varlink_reply_done(struct varlink_reply *reply)
{
	json_object_put(reply->message);
	*reply = (struct varlink_reply){0};
}

static struct json_object *message_new(struct json_builder *builder, const char *key,
	const char *name, struct json_object *parameters, const char *flag)
{
	struct json_object *message = json_new_object(builder);

	if (key)
		json_put_text(builder, message, key, name);
	if (parameters)
		json_put(builder, message, "parameters", parameters);
	if (flag)
		json_put_bool(builder, message, flag, true);
	return json_finish(builder, message);
}

struct json_object *varlink_call_new(
	struct json_builder *builder, const char *method, struct json_object *parameters, bool more)
{
	return message_new(builder, "method", method, parameters, more ? "more" : NULL);
}

struct json_object *varlink_reply_new(
	struct json_builder *builder, struct json_object *parameters, bool continues)
{
	return message_new(builder, NULL, NULL, parameters, continues ? "continues" : NULL);
}

struct json_object *varlink_error_new(
	struct json_builder *builder, const char *error, struct json_object *parameters)
{
	return message_new(builder, "error", error, parameters, NULL);
}

const char *varlink_frame(struct json_object *message, size_t *ret_length)
{
	size_t length;
	const char *text = json_write(message, &length);

	if (!text)
		return NULL;
	/* The text ends with a NUL like every C string; a NUL inside is escaped. */
	*ret_length = length + 1;
	return text;
}
