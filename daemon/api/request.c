/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/request.h"

#include <string.h>

#include <json-c/linkhash.h>

#include "common/base/text.h"

static bool texts_are_good(struct json_object *array)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (!json_item_text(array, i))
			return false;
	return true;
}

static bool objects_are_good(struct json_object *array)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
			return false;
	return true;
}

/* 1 present, 0 absent, negative where it is of another type. */
static int check_parameter(struct json_object *parameters, const struct parameter *parameter)
{
	struct json_object *array;
	const char *text;
	int64_t number;
	size_t length;
	int r;

	switch (parameter->type) {
	case PARAMETER_TEXT:
		return json_get_text(parameters, parameter->name, &text);
	case PARAMETER_BYTES:
		return json_get_bytes(parameters, parameter->name, &text, &length);
	case PARAMETER_COUNT:
		r = json_get_number(parameters, parameter->name, &number);
		return r > 0 && number < 0 ? -EINVAL : r;
	case PARAMETER_NUMBER:
		return json_get_number(parameters, parameter->name, &number);
	case PARAMETER_TEXTS:
		r = json_get_array(parameters, parameter->name, &array);
		return r > 0 && !texts_are_good(array) ? -EINVAL : r;
	case PARAMETER_OBJECTS:
		r = json_get_array(parameters, parameter->name, &array);
		return r > 0 && !objects_are_good(array) ? -EINVAL : r;
	case PARAMETER_OBJECT:
		return json_get_object(parameters, parameter->name, &array);
	}
	return -EINVAL;
}

static bool is_known(const struct parameter *parameters, const char *name)
{
	for (; parameters->name; parameters++)
		if (text_equal(parameters->name, name))
			return true;
	return false;
}

int request_bad(struct request *request, const char *parameter)
{
	request->bad_parameter = parameter;
	return REQUEST_BAD_PARAMETER;
}

int request_check(struct request *request, const struct parameter *parameters)
{
	for (const struct parameter *parameter = parameters; parameter->name; parameter++) {
		int r = check_parameter(request->parameters, parameter);

		if (r < 0 || (r == 0 && parameter->required))
			return request_bad(request, parameter->name);
	}
	if (!request->parameters)
		return 0;
	json_object_object_foreach(request->parameters, name, value)
	{
		(void)value;
		if (!is_known(parameters, name))
			return request_bad(request, name);
	}
	return 0;
}

const char *request_text(const struct request *request, const char *name)
{
	const char *text = NULL;

	json_get_text(request->parameters, name, &text);
	return text;
}

bool request_number(const struct request *request, const char *name, int64_t *ret)
{
	return json_get_number(request->parameters, name, ret) > 0;
}

int request_limit(struct request *request, size_t most, size_t *ret)
{
	int64_t limit;

	*ret = most;
	if (!request_number(request, "limit", &limit))
		return 0;
	if (limit == 0)
		return request_bad(request, "limit");
	if ((uint64_t)limit < most)
		*ret = (size_t)limit;
	return 0;
}

int request_session(const struct request *request, struct uuid *ret)
{
	const char *text = request_text(request, "session");

	*ret = (struct uuid){{0}};
	return text && uuid_parse(text, ret) < 0 ? -ENOENT : 0;
}

/* Reads one condition as a person would type it. Returns false where it is none. */
static bool read_condition(struct json_object *object, struct condition *ret)
{
	const char *key, *value;

	if (json_object_object_length(object) != 2 || json_get_text(object, "key", &key) <= 0 ||
		json_get_text(object, "value", &value) <= 0 || !key[0])
		return false;
	*ret = (struct condition){0};
	if (strlen(key) >= sizeof(ret->key) || strlen(value) >= sizeof(ret->value))
		return false;
	text_clean(key, strlen(key), ret->key, sizeof(ret->key));
	text_clean(value, strlen(value), ret->value, sizeof(ret->value));
	return true;
}

int request_conditions(struct request *request,
	struct condition conditions[static ATTEMPT_CONDITIONS_MAX], size_t *ret_count)
{
	struct json_object *array = NULL;
	size_t count;

	json_get_array(request->parameters, "conditions", &array);
	count = json_object_array_length(array);
	if (count > ATTEMPT_CONDITIONS_MAX)
		return request_bad(request, "conditions");
	for (size_t i = 0; i < count; i++)
		if (!read_condition(json_object_array_get_idx(array, i), &conditions[i]))
			return request_bad(request, "conditions");
	*ret_count = count;
	return 0;
}

static void send_error(struct request *request, const char *error, struct json_object *parameters)
{
	peer_send(request->peer, varlink_error_new(&request->builder, error, parameters));
}

void request_protocol_error(
	struct request *request, const char *error, const char *key, const char *value)
{
	struct json_object *parameters;

	if (request->call->oneway)
		return;
	parameters = json_new_object(&request->builder);
	if (key)
		json_put_text(&request->builder, parameters, key, value);
	send_error(request, error, parameters);
}

/* Errors that carry the parameter that was asked about. */
static const struct {
	int result;
	const char *error;
	const char *parameter;
} errors[] = {
	{-ENODEV, VARLINK_INTERFACE ".NoSuchDevice", "device"},
	{-ENOENT, VARLINK_INTERFACE ".NoSuchSession", "session"},
	{REQUEST_NO_INTERFACE, VARLINK_SERVICE ".InterfaceNotFound", "interface"},
	{-ESHUTDOWN, VARLINK_INTERFACE ".SessionEnded", "session"},
	{-EPERM, VARLINK_INTERFACE ".SessionWatched", "session"},
	{-EINPROGRESS, VARLINK_INTERFACE ".DeviceBusy", "device"},
	{-ENOLINK, VARLINK_INTERFACE ".CasebookUnavailable", NULL},
};

static void finish_failed(struct request *request, int result)
{
	struct json_object *parameters;

	if (result == REQUEST_BAD_PARAMETER && request->bad_parameter) {
		request_protocol_error(request, VARLINK_SERVICE ".InvalidParameter", "parameter",
			request->bad_parameter);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		const char *value;

		if (errors[i].result != result)
			continue;
		value = errors[i].parameter ? request_text(request, errors[i].parameter) : NULL;
		request_protocol_error(
			request, errors[i].error, errors[i].parameter, value ? value : "");
		return;
	}
	parameters = json_new_object(&request->builder);
	if (result == -EBUSY) {
		json_put_number(
			&request->builder, parameters, "limit", request->api->backend.running_max);
		send_error(request, VARLINK_INTERFACE ".TooManySessions", parameters);
		return;
	}
	json_put_text(&request->builder, parameters, "reason", strerror(-result));
	send_error(request, VARLINK_INTERFACE ".Failed", parameters);
}

void request_finish(struct request *request, int result)
{
	CLEANUP(json_object_putp) struct json_object *answer = TAKE_PTR(request->answer);

	if (request->call->oneway || request->streaming)
		return;
	if (result < 0) {
		finish_failed(request, result);
		return;
	}
	peer_send(request->peer, varlink_reply_new(&request->builder, TAKE_PTR(answer), false));
}
