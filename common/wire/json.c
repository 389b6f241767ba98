/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/wire/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "common/base/json_syntax.h"
#include "common/base/text.h"

#define ESCAPE_BYTES 6 /* of \u and four digits */
#define TEXT_BYTES_MAX (64u << 20)

static struct json_object *latch(struct json_builder *builder, struct json_object *value)
{
	if (!value)
		builder->failed = true;
	return value;
}

struct json_object *json_new_object(struct json_builder *builder)
{
	return latch(builder, json_object_new_object());
}

struct json_object *json_new_array(struct json_builder *builder)
{
	return latch(builder, json_object_new_array());
}

static void put(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value, unsigned flags)
{
	if (!latch(builder, value))
		return;
	if (!object || json_object_object_add_ex(object, key, value, flags) < 0) {
		builder->failed = true;
		json_object_put(value);
	}
}

void json_put(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value)
{
	put(builder, object, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void json_put_named(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value)
{
	put(builder, object, key, value, 0);
}

/* A text truncated inside a character would make the whole message invalid. */
static struct json_object *text_new(const char *text, size_t length)
{
	CLEANUP(freep) char *clean = NULL;

	if (length > TEXT_BYTES_MAX)
		return NULL;
	if (!text_is_utf8(text, length)) {
		clean = malloc(length + 1);
		if (!clean)
			return NULL;
		length = text_clean(text, length, clean, length + 1);
		text = clean;
	}
	return json_object_new_string_len(text, (int)length);
}

struct json_object *json_new_text(const char *text)
{
	return text_new(text, strlen(text));
}

void json_put_text(
	struct json_builder *builder, struct json_object *object, const char *key, const char *text)
{
	json_put(builder, object, key, text_new(text, strlen(text)));
}

void json_put_bytes(struct json_builder *builder, struct json_object *object, const char *key,
	const char *text, size_t length)
{
	json_put(builder, object, key, text_new(text, length));
}

void json_put_number(
	struct json_builder *builder, struct json_object *object, const char *key, int64_t number)
{
	json_put(builder, object, key, json_object_new_int64(number));
}

void json_put_bool(
	struct json_builder *builder, struct json_object *object, const char *key, bool value)
{
	json_put(builder, object, key, json_object_new_boolean(value));
}

void json_put_known_text(
	struct json_builder *builder, struct json_object *object, const char *key, const char *text)
{
	if (text && text[0])
		json_put_text(builder, object, key, text);
}

void json_put_known_number(
	struct json_builder *builder, struct json_object *object, const char *key, int64_t number)
{
	if (number != 0)
		json_put_number(builder, object, key, number);
}

void json_add(struct json_builder *builder, struct json_object *array, struct json_object *value)
{
	if (!latch(builder, value))
		return;
	if (!array || json_object_array_add(array, value) < 0) {
		builder->failed = true;
		json_object_put(value);
	}
}

void json_add_text(struct json_builder *builder, struct json_object *array, const char *text)
{
	json_add(builder, array, text_new(text, strlen(text)));
}

void json_add_number(struct json_builder *builder, struct json_object *array, int64_t number)
{
	json_add(builder, array, json_object_new_int64(number));
}

struct json_object *json_freeze(struct json_builder *builder, struct json_object *value)
{
	CLEANUP(json_object_putp) struct json_object *owned = value;
	struct json_object *frozen = json_object_new_string("");
	size_t length;
	const char *written = owned ? json_write(owned, &length) : NULL;
	char *text = written ? strdup(written) : NULL;

	if (!frozen || !text) {
		free(text);
		json_object_put(frozen);
		return latch(builder, NULL);
	}
	json_object_set_serializer(
		frozen, json_object_userdata_to_json_string, text, json_object_free_userdata);
	return frozen;
}

struct json_object *json_finish(struct json_builder *builder, struct json_object *root)
{
	if (!builder->failed)
		return root;
	json_object_put(root);
	return NULL;
}

static void tokener_freep(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

int json_read(const char *text, size_t length, struct json_object **ret)
{
	CLEANUP(tokener_freep)
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	size_t wrong_at;

	if (!tokener)
		return -ENOMEM;
	if (length > INT_MAX || !json_syntax_check(text, length, JSON_DEPTH_MAX, &wrong_at))
		return -EBADMSG;
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
		!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	*ret = TAKE_PTR(object);
	return 0;
}

const char *json_write(struct json_object *value, size_t *ret_length)
{
	return json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_length);
}

/* The code point of a character of 1 to 3 bytes. */
static unsigned code_point(const char *text, size_t n)
{
	const unsigned char *c = (const unsigned char *)text;

	return n == 1	? c[0]
	       : n == 2 ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu)
			: (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
}

static size_t count_controls(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t at = 0; at < length; at++)
		count += text_control(text + at, length - at) > 0;
	return count;
}

char *json_write_escaped(struct json_object *value, size_t *ret_length)
{
	size_t length, written = 0;
	const char *text = json_write(value, &length);
	char *out = text ? malloc(length + ESCAPE_BYTES * count_controls(text, length) + 1) : NULL;

	for (size_t at = 0; out && at < length;) {
		size_t n = text_control(text + at, length - at);

		if (n > 0)
			written +=
				(size_t)sprintf(out + written, "\\u%04x", code_point(text + at, n));
		else
			out[written++] = text[at];
		at += n ? n : 1;
	}
	if (!out)
		return NULL;
	out[written] = '\0';
	*ret_length = written;
	return out;
}

static int get(
	struct json_object *object, const char *key, enum json_type type, struct json_object **ret)
{
	struct json_object *value;

	if (!object || !json_object_object_get_ex(object, key, &value) || !value)
		return 0;
	if (!json_object_is_type(value, type))
		return -EINVAL;
	*ret = value;
	return 1;
}

/* A C string would end at a NUL inside. */
static bool is_c_string(struct json_object *text)
{
	return strlen(json_object_get_string(text)) == (size_t)json_object_get_string_len(text);
}

int json_get_text(struct json_object *object, const char *key, const char **ret)
{
	struct json_object *value;
	int r = get(object, key, json_type_string, &value);

	if (r <= 0)
		return r;
	if (!is_c_string(value))
		return -EINVAL;
	*ret = json_object_get_string(value);
	return 1;
}

int json_get_bytes(
	struct json_object *object, const char *key, const char **ret, size_t *ret_length)
{
	struct json_object *value;
	int r = get(object, key, json_type_string, &value);

	if (r <= 0)
		return r;
	*ret = json_object_get_string(value);
	*ret_length = (size_t)json_object_get_string_len(value);
	return 1;
}

int json_get_number(struct json_object *object, const char *key, int64_t *ret)
{
	struct json_object *value;
	int r = get(object, key, json_type_int, &value);

	if (r <= 0)
		return r;
	*ret = json_object_get_int64(value);
	return 1;
}

int json_get_bool(struct json_object *object, const char *key, bool *ret)
{
	struct json_object *value;
	int r = get(object, key, json_type_boolean, &value);

	if (r <= 0)
		return r;
	*ret = json_object_get_boolean(value);
	return 1;
}

int json_get_array(struct json_object *object, const char *key, struct json_object **ret)
{
	return get(object, key, json_type_array, ret);
}

int json_get_object(struct json_object *object, const char *key, struct json_object **ret)
{
	return get(object, key, json_type_object, ret);
}

size_t json_count(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

const char *json_item_text(struct json_object *array, size_t index)
{
	struct json_object *item = json_object_array_get_idx(array, index);

	if (!json_object_is_type(item, json_type_string) || !is_c_string(item))
		return NULL;
	return json_object_get_string(item);
}
