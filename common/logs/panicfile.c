/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/panicfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/base/json_syntax.h"
#include "common/base/size_estimate.h"

#define WEIGHT_MAX (128u << 20) /* bytes of memory for parsing */
#define DEPTH_MAX 32
#define PANIC_HEAD "panic(cpu"

enum field { FIELD_PRODUCT, FIELD_OS, FIELD_DATE };

/* The member names of header and body, and the labels of text; the first match wins. */
static const struct {
	const char *member;
	enum field field;
} members[] = {
	{"product", FIELD_PRODUCT},
	{"build", FIELD_OS},
	{"os_version", FIELD_OS},
	{"date", FIELD_DATE},
	{"timestamp", FIELD_DATE},
};

static const struct {
	const char *label;
	enum field field;
} labels[] = {
	{"Hardware Model:", FIELD_PRODUCT},
	{"\"product\" : \"", FIELD_PRODUCT},
	{"\"product\":\"", FIELD_PRODUCT},
	{"OS Version:", FIELD_OS},
	{"\"build\" : \"", FIELD_OS},
	{"\"build\":\"", FIELD_OS},
	{"Date/Time:", FIELD_DATE},
	{"\"date\" : \"", FIELD_DATE},
	{"\"date\":\"", FIELD_DATE},
};

static void tokener_freep(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

static void object_putp(struct json_object **object)
{
	json_object_put(*object);
}

struct panicfile *panicfile_free(struct panicfile *file)
{
	if (file)
		free(file->text);
	free(file);
	return NULL;
}

/* Sets a field, unless it is already known. */
static void set_field(struct panicfile *file, enum field field, const char *text, size_t length)
{
	char *out = field == FIELD_PRODUCT ? file->product
		    : field == FIELD_OS	   ? file->os
					   : file->date;

	if (!out[0])
		text_clean(text, length, out, PANICFILE_FIELD_SIZE);
}

static int set_text(struct panicfile *file, const char *text, size_t length)
{
	if (file->text)
		return 0;
	file->text = malloc(length + 1);
	if (!file->text)
		return -ENOMEM;
	memcpy(file->text, text, length);
	file->text[length] = '\0';
	file->length = length;
	return 0;
}

/* Reads one object of the file. */
static int take_object(struct panicfile *file, struct json_object *object)
{
	struct json_object *value;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_object_get_ex(object, members[i].member, &value) &&
			json_object_is_type(value, json_type_string))
			set_field(file, members[i].field, json_object_get_string(value),
				(size_t)json_object_get_string_len(value));
	if (json_object_object_get_ex(object, "panicString", &value) &&
		json_object_is_type(value, json_type_string))
		return set_text(file, json_object_get_string(value),
			(size_t)json_object_get_string_len(value));
	return 0;
}

/* Reads the object at the start of the bytes. Returns 1 with *ret_used and *ret set, 0 if there is
 * none, or -ENOMEM. */
static int read_object(const char *bytes, size_t length, size_t *ret_used, struct json_object **ret)
{
	CLEANUP(tokener_freep) struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	CLEANUP(object_putp) struct json_object *object = NULL;
	size_t end = length, at;

	if (!tokener)
		return -ENOMEM;
	/* The bytes before the syntax error may be a whole object. json-c accepts more than JSON,
	 * and json_weight() does not cover that. */
	if (!json_syntax_check(bytes, length, DEPTH_MAX, &end) &&
		!json_syntax_check(bytes, end, DEPTH_MAX, &at))
		return 0;
	object = json_tokener_parse_ex(tokener, bytes, (int)end);
	if (!json_object_is_type(object, json_type_object))
		return 0;
	*ret_used = end;
	*ret = TAKE_PTR(object);
	return 1;
}

/* Reads a text, and the panic in it. */
static int take_text(struct panicfile *file, const char *bytes, size_t length)
{
	const char *end = bytes + length, *panic;

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		const char *at = memmem(bytes, length, labels[i].label, strlen(labels[i].label));
		const char *stop;

		if (!at)
			continue;
		at += strlen(labels[i].label);
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		for (stop = at; stop < end && !strchr("\r\n\"", *stop); stop++)
			;
		set_field(file, labels[i].field, at, (size_t)(stop - at));
	}
	panic = memmem(bytes, length, PANIC_HEAD, strlen(PANIC_HEAD));
	return panic ? set_text(file, panic, (size_t)(end - panic)) : 0;
}

static size_t skip_blanks(const char *bytes, size_t length, size_t at)
{
	while (at < length && isspace((unsigned char)bytes[at]))
		at++;
	return at;
}

static int take_all(struct panicfile *file, const char *bytes, size_t length)
{
	size_t at = skip_blanks(bytes, length, 0);

	/* The header line and the body. */
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(object_putp) struct json_object *object = NULL;
		size_t used = 0;
		int r = read_object(bytes + at, length - at, &used, &object);

		if (r > 0)
			r = take_object(file, object);
		if (r < 0)
			return r;
		at = skip_blanks(bytes, length, at + used);
	}
	return file->text ? 0 : take_text(file, bytes + at, length - at);
}

int panicfile_parse(const char *bytes, size_t length, struct panicfile **ret,
	char message[static PANICFILE_MESSAGE_SIZE])
{
	CLEANUP(panicfile_freep) struct panicfile *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return -ENOMEM;
	if (length > PANICFILE_BYTES_MAX || json_weight(bytes, length) > WEIGHT_MAX) {
		snprintf(message, PANICFILE_MESSAGE_SIZE, "the file is too large");
		return -EBADMSG;
	}
	r = take_all(file, bytes, length);
	if (r < 0)
		return r;
	if (!file->text) {
		snprintf(message, PANICFILE_MESSAGE_SIZE, "there is no panic in it");
		return -EBADMSG;
	}
	*ret = TAKE_PTR(file);
	return 0;
}

int panicfile_read(
	const char *path, struct panicfile **ret, char message[static PANICFILE_MESSAGE_SIZE])
{
	CLEANUP(freep) char *bytes = NULL;
	size_t length;
	int r = file_read(path, 0, PANICFILE_BYTES_MAX, &bytes, &length);

	if (r > 0)
		r = -EFBIG;
	if (r < 0) {
		snprintf(message, PANICFILE_MESSAGE_SIZE, "%s", strerror(-r));
		return r;
	}
	return panicfile_parse(bytes, length, ret, message);
}
