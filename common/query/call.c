/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/query/call.h"

#include <errno.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "common/base/text.h"

static bool texts_are_good(struct json_object *array)
{
	for (size_t i = 0; i < json_count(array); i++)
		if (!json_item_text(array, i))
			return false;
	return true;
}

static bool objects_are_good(struct json_object *array)
{
	for (size_t i = 0; i < json_count(array); i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
			return false;
	return true;
}

/* 1 = present, 0 = absent, negative = wrong type. */
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

int call_check(struct call *call, const struct parameter *parameters)
{
	for (const struct parameter *parameter = parameters; parameter->name; parameter++) {
		int r = check_parameter(call->parameters, parameter);

		if (r < 0 || (r == 0 && parameter->required))
			return call_bad(call, parameter->name);
	}
	if (!call->parameters)
		return API_OK;
	json_object_object_foreach(call->parameters, name, value)
	{
		(void)value;
		if (!is_known(parameters, name))
			return call_bad(call, name);
	}
	return API_OK;
}

const char *call_text(const struct call *call, const char *name)
{
	const char *text = NULL;

	json_get_text(call->parameters, name, &text);
	return text;
}

bool call_number(const struct call *call, const char *name, int64_t *ret)
{
	return json_get_number(call->parameters, name, ret) > 0;
}

int call_limit(struct call *call, size_t most, size_t *ret)
{
	int64_t limit;

	*ret = most;
	if (!call_number(call, "limit", &limit))
		return API_OK;
	if (limit == 0)
		return call_bad(call, "limit");
	if ((uint64_t)limit < most)
		*ret = (size_t)limit;
	return API_OK;
}

int call_session(const struct call *call, struct uuid *ret)
{
	const char *text = call_text(call, "session");

	*ret = (struct uuid){{0}};
	return text && uuid_parse(text, ret) < 0 ? API_NO_SUCH_SESSION : API_OK;
}

int call_bad(struct call *call, const char *parameter)
{
	call->detail = parameter;
	return API_INVALID_PARAMETER;
}

int call_no_casebook(struct call *call, int error)
{
	call->detail = error == -EBUSY	   ? "another program has locked it"
		       : error == -EBADMSG ? "it is damaged"
					   : strerror(-error);
	return API_CASEBOOK_UNAVAILABLE;
}

struct json_object *call_refuse(struct call *call, int result, const char **ret_name)
{
	enum api_error error = result < 0 ? API_FAILED : (enum api_error)result;
	const char *member = api_error_member(error);
	struct json_object *parameters = json_new_object(&call->builder);
	const char *detail = call->detail;

	*ret_name = api_error_name(error);
	if (error == API_FAILED && !detail)
		detail = strerror(-result);
	if (member && !detail)
		detail = call_text(call, member);
	if (member && text_equal(member, "limit"))
		json_put_number(&call->builder, parameters, member, call->number);
	else if (member)
		json_put_text(&call->builder, parameters, member, detail ? detail : "");
	return parameters;
}
