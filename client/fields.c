/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fields.h"

#include "common/base/text.h"

const char *field_text(struct json_object *object, const char *key)
{
	const char *text = NULL;

	return json_get_text(object, key, &text) > 0 ? text : NULL;
}

const char *field_text_or(struct json_object *object, const char *key, const char *otherwise)
{
	const char *text = field_text(object, key);

	return text ? text : otherwise;
}

bool field_number(struct json_object *object, const char *key, int64_t *ret)
{
	return json_get_number(object, key, ret) > 0;
}

int64_t field_number_or(struct json_object *object, const char *key, int64_t otherwise)
{
	int64_t number = otherwise;

	field_number(object, key, &number);
	return number;
}

bool field_true(struct json_object *object, const char *key)
{
	bool value = false;

	return json_get_bool(object, key, &value) > 0 && value;
}

struct json_object *field_object(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	return json_get_object(object, key, &value) > 0 ? value : NULL;
}

struct json_object *field_list(struct json_object *object, const char *key)
{
	struct json_object *list = NULL;

	return json_get_array(object, key, &list) > 0 ? list : NULL;
}

size_t field_count(struct json_object *list)
{
	return json_count(list);
}

struct json_object *field_item(struct json_object *list, size_t index)
{
	return json_object_array_get_idx(list, index);
}

bool field_same_text(struct json_object *a, struct json_object *b, const char *key)
{
	const char *x = field_text(a, key), *y = field_text(b, key);

	return x && y && text_equal(x, y);
}

bool field_same_phone(struct json_object *a, struct json_object *b)
{
	return field_same_text(a, b, "ecid") || field_same_text(a, b, "udid");
}
