/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the fields of a reply. A field that is absent, null or of another type is unknown: the
 * daemon may be newer or older than this client. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/json.h"

/* The text of a field, borrowed; NULL if unknown. */
const char *field_text(struct json_object *object, const char *key);
/* The text, or `otherwise`. */
const char *field_text_or(struct json_object *object, const char *key, const char *otherwise);
/* Returns false with *ret untouched if the number is unknown. */
bool field_number(struct json_object *object, const char *key, int64_t *ret);
/* The number, or `otherwise`. */
int64_t field_number_or(struct json_object *object, const char *key, int64_t otherwise);
bool field_true(struct json_object *object, const char *key);
/* A field that is an object, borrowed; NULL if unknown. */
struct json_object *field_object(struct json_object *object, const char *key);
/* A field that is a list, borrowed; NULL if unknown. field_count(NULL) is 0. */
struct json_object *field_list(struct json_object *object, const char *key);
size_t field_count(struct json_object *list);
struct json_object *field_item(struct json_object *list, size_t index);
/* Whether a text is known of both and the same. */
bool field_same_text(struct json_object *a, struct json_object *b, const char *key);
/* Whether both are, or name, one phone: by ECID or UDID, of which a mode may show only one. */
bool field_same_phone(struct json_object *a, struct json_object *b);
