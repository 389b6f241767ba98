/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds and reads JSON with json-c. The builder remembers a failure until the end, so that callers
 * need no check per line; the getters distinguish absent from wrong. It does not know the
 * messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json_object.h>

#include "common/base/macro.h"

#define JSON_DEPTH_MAX 16 /* limit of nested objects and arrays for json_read() */

/* Whether a build has failed; the only reason is out of memory. Initialise with {0}. */
struct json_builder {
	bool failed;
};

/* New values. They belong to the caller until they are added to another. Every function accepts
 * NULL for a value or a container and records it as the failure, so callers need no checks in
 * between. */
struct json_object *json_new_object(struct json_builder *builder);
struct json_object *json_new_array(struct json_builder *builder);
/* Adds a member to an object, which takes ownership of the value, even on failure. `key` must live
 * for ever. Invalid UTF-8 in a text becomes '?'. */
void json_put(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value);
/* A text as a value; NULL when out of memory. */
struct json_object *json_new_text(const char *text);
/* As json_put(); `key` is copied. */
void json_put_named(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value);
void json_put_text(struct json_builder *builder, struct json_object *object, const char *key,
	const char *text);
/* `length` bytes, which may contain NUL. */
void json_put_bytes(struct json_builder *builder, struct json_object *object, const char *key,
	const char *text, size_t length);
void json_put_number(
	struct json_builder *builder, struct json_object *object, const char *key, int64_t number);
void json_put_bool(
	struct json_builder *builder, struct json_object *object, const char *key, bool value);
/* The same, but only if the value is known: a text that is not empty, a number that is not 0. */
void json_put_known_text(struct json_builder *builder, struct json_object *object, const char *key,
	const char *text);
void json_put_known_number(
	struct json_builder *builder, struct json_object *object, const char *key, int64_t number);
/* Adds to an array, which takes ownership of the value, even on failure. */
void json_add(struct json_builder *builder, struct json_object *array, struct json_object *value);
void json_add_text(struct json_builder *builder, struct json_object *array, const char *text);
void json_add_number(struct json_builder *builder, struct json_object *array, int64_t number);
/* Returns the value as its text alone, which json_write() copies: for a part that many answers
 * share. Takes ownership of the value; json_object_get() gives another answer its part. */
struct json_object *json_freeze(struct json_builder *builder, struct json_object *value);
/* Ends a build: returns `root`, or frees it and returns NULL if anything failed. */
struct json_object *json_finish(struct json_builder *builder, struct json_object *root);

/* Reads one whole JSON object: strict, valid UTF-8, at most JSON_DEPTH_MAX deep, followed only by
 * blanks. Returns 0, -EBADMSG or -ENOMEM. The caller owns *ret: json_object_put(). */
int json_read(const char *text, size_t length, struct json_object **ret);
/* The value as one compact line; valid until the value changes or the next call. Returns NULL when
 * out of memory. */
const char *json_write(struct json_object *value, size_t *ret_length);
/* The same, to print: characters that a terminal obeys are escaped. The caller frees it. */
char *json_write_escaped(struct json_object *value, size_t *ret_length);

/* Members of an object, which may be NULL (no members). Each returns 1 with *ret set, 0 if the
 * member is absent or null, or -EINVAL if it is of another type, both with *ret untouched. The
 * object owns the returned value. A text that contains NUL counts as another type, except in
 * json_get_bytes(). */
int json_get_text(struct json_object *object, const char *key, const char **ret);
int json_get_bytes(
	struct json_object *object, const char *key, const char **ret, size_t *ret_length);
int json_get_number(struct json_object *object, const char *key, int64_t *ret);
int json_get_bool(struct json_object *object, const char *key, bool *ret);
int json_get_array(struct json_object *object, const char *key, struct json_object **ret);
int json_get_object(struct json_object *object, const char *key, struct json_object **ret);
/* How many items an array has; 0 for NULL, for which json-c would abort. */
size_t json_count(struct json_object *array);
/* Items of an array of texts. Returns NULL if the item is not a text, or contains NUL. */
const char *json_item_text(struct json_object *array, size_t index);

static inline void json_object_putp(struct json_object **object)
{
	json_object_put(*object);
}
