/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/mask.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "common/base/id.h"
#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/wire/json.h"

#define BARE_DIGITS_MIN 13	/* hex digits without 0x: an ECID in a UDID has 16 */
#define PREFIXED_DIGITS_MIN 7	/* after 0x; the shortest known ECIDs have 10 */
#define MARKED_CHARACTERS_MIN 7 /* after a word such as "ECID" */
#define VALUE_MIN 3		/* characters of a known value; shorter ones are in any text */
#define KEPT 4			/* characters at the end that stay */
#define SEPARATORS " :=[\"'_"	/* between such a word and the identifier */

/* Words before an identifier, in the spellings of libirecovery, idevicerestore, pymobiledevice3 and
 * property lists. */
static const struct {
	const char *word;
	bool hex; /* only hex digits follow, or 0x and hex digits */
} marks[] = {
	{"ecid", true},
	{"uniquechipid", true},
	{"udid", true},
	{"uniquedeviceid", true},
	{"imei", true},
	{"srnm", false},
	{"serialnumber", false},
	{"serial number is", false},
	{"serial number", false},
	{"serial", false},
};

static size_t hex_run(const char *text)
{
	size_t length = 0;

	while (isxdigit((unsigned char)text[length]))
		length++;
	return length;
}

static size_t alnum_run(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]))
		length++;
	return length;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* The length of the UUID at `text`, 0 if there is none. */
static size_t uuid_here(const char *text)
{
	char copy[UUID_TEXT_SIZE];
	struct uuid uuid;

	snprintf(copy, sizeof(copy), "%s", text);
	return uuid_parse(copy, &uuid) == 0 ? UUID_TEXT_SIZE - 1 : 0;
}

/* The length of the identifier at `text` that its form alone shows, 0 if there is none. */
static size_t identifier_here(const char *text)
{
	size_t digits;

	if (!has_hex_prefix(text)) {
		digits = hex_run(text);
		return digits >= BARE_DIGITS_MIN ? digits : 0;
	}
	digits = hex_run(text + 2);
	if (strncasecmp(text + 2, "ffff", 4) == 0 || digits < PREFIXED_DIGITS_MIN)
		return 0;
	return digits + 2;
}

/* The length of the known value at `text`, 0 if there is none. */
static size_t known_here(const struct mask *mask, const char *text, bool in_word)
{
	for (size_t i = 0; mask && i < mask->count; i++) {
		size_t length = strlen(mask->values[i].text);

		if (strncasecmp(text, mask->values[i].text, length) != 0)
			continue;
		if (!mask->values[i].whole_word ||
			(!in_word && !isalnum((unsigned char)text[length])))
			return length;
	}
	return 0;
}

/* The length of the word and the separators at `text` that announce an identifier, 0 if there are
 * none. */
static size_t mark_here(const char *text, bool *ret_hex)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		size_t length = strlen(marks[i].word);
		size_t separators;

		if (strncasecmp(text, marks[i].word, length) != 0)
			continue;
		separators = strspn(text + length, SEPARATORS);
		*ret_hex = marks[i].hex;
		return separators ? length + separators : 0;
	}
	return 0;
}

/* The length of the identifier at `text` that follows a mark, 0 if something else follows. */
static size_t marked_here(const char *text, bool hex)
{
	size_t length = alnum_run(text), prefix = has_hex_prefix(text) ? 2 : 0;

	if (length < MARKED_CHARACTERS_MIN || strcspn(text, "0123456789") >= length)
		return 0;
	return !hex || prefix + hex_run(text + prefix) == length ? length : 0;
}

static void write_masked(FILE *out, const char *text, size_t length, bool utf8)
{
	size_t kept = length > 2 * (size_t)KEPT ? KEPT : 0;

	fputs(utf8 ? "…" : "..", out);
	fwrite(text + length - kept, 1, kept, out);
}

/* Writes the next piece of `text`, masked if it is an identifier. Returns its length. */
static size_t write_piece(
	FILE *out, const struct mask *mask, const char *text, bool in_word, bool utf8)
{
	bool hex;
	size_t length = known_here(mask, text, in_word), mark = 0;

	if (!length && !in_word && (length = uuid_here(text)) > 0)
		return fwrite(text, 1, length, out);
	if (!length && !in_word && (mark = mark_here(text, &hex)) > 0) {
		fwrite(text, 1, mark, out);
		length = known_here(mask, text + mark, false);
		if (!length)
			length = marked_here(text + mark, hex);
		if (!length)
			return mark;
	}
	if (!length)
		length = identifier_here(text);
	if (!length)
		return fwrite(text, 1, has_hex_prefix(text) ? 2 + hex_run(text + 2) : 1, out);
	write_masked(out, text + mark, length, utf8);
	return mark + length;
}

static int add(struct mask *mask, const char *text, bool whole_word)
{
	struct mask_value *values;

	if (strlen(text) < VALUE_MIN)
		return 0;
	for (size_t i = 0; i < mask->count; i++)
		if (strcasecmp(mask->values[i].text, text) == 0)
			return 0;
	values = reallocarray(mask->values, mask->count + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	mask->values = values;
	values[mask->count] = (struct mask_value){.text = strdup(text), .whole_word = whole_word};
	if (!values[mask->count].text)
		return -ENOMEM;
	mask->count++;
	return 0;
}

int mask_add_ecid(struct mask *mask, const char *ecid)
{
	char text[32];
	uint64_t value;
	int r;

	if (sscanf(ecid, "%" SCNx64, &value) != 1)
		return 0;
	/* The padded form contains the short one, so it comes first. */
	snprintf(text, sizeof(text), "%016" PRIx64, value);
	r = add(mask, text, false);
	snprintf(text, sizeof(text), "%" PRIx64, value);
	if (r == 0)
		r = add(mask, text, false);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return r == 0 ? add(mask, text, false) : r;
}

int mask_add(struct mask *mask, const char *identifier)
{
	return add(mask, identifier, false);
}

int mask_add_word(struct mask *mask, const char *word)
{
	return add(mask, word, true);
}

int mask_learn(struct mask *mask, const char *text)
{
	int r = 0;

	for (const char *at = text; r == 0 && *at; at++) {
		bool hex;
		size_t before =
			at > text && isalnum((unsigned char)at[-1]) ? 0 : mark_here(at, &hex);
		size_t length = before ? marked_here(at + before, hex) : 0;

		if (length) {
			CLEANUP(freep) char *value = strndup(at + before, length);

			r = value ? add(mask, value, false) : -ENOMEM;
		}
	}
	return r;
}

void mask_done(struct mask *mask)
{
	for (size_t i = 0; i < mask->count; i++)
		free(mask->values[i].text);
	free(mask->values);
	*mask = (struct mask){0};
}

char *mask_text(const struct mask *mask, const char *text, bool utf8)
{
	char *masked = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&masked, &size);
	const char *start = text;

	if (!out)
		return NULL;
	while (*text) {
		bool in_word = text > start && isalnum((unsigned char)text[-1]);

		text += write_piece(out, mask, text, in_word, utf8);
	}
	if (fclose(out) < 0) {
		free(masked);
		return NULL;
	}
	return masked;
}

static bool is_identifier(const char *key)
{
	static const char *const identifiers[] = {"ecid", "udid", "serial", "ticket"};

	for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++)
		if (text_equal(key, identifiers[i]))
			return true;
	return false;
}

static struct json_object *mask_object(const struct mask *mask, struct json_object *object)
{
	CLEANUP(json_object_putp) struct json_object *copy = json_object_new_object();

	json_object_object_foreach(object, key, value)
	{
		if (is_identifier(key))
			continue;

		CLEANUP(freep) char *masked_key = mask_text(mask, key, true);
		struct json_object *masked = mask_json(mask, value);

		if (!copy || !masked_key || (value && !masked) ||
			json_object_object_add(copy, masked_key, masked) < 0) {
			json_object_put(masked);
			return NULL;
		}
	}
	return TAKE_PTR(copy);
}

static struct json_object *mask_array(const struct mask *mask, struct json_object *array)
{
	CLEANUP(json_object_putp) struct json_object *copy = json_object_new_array();

	for (size_t i = 0; copy && i < json_count(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		struct json_object *masked = mask_json(mask, item);

		if ((item && !masked) || json_object_array_add(copy, masked) < 0) {
			json_object_put(masked);
			return NULL;
		}
	}
	return TAKE_PTR(copy);
}

struct json_object *mask_json(const struct mask *mask, struct json_object *value)
{
	CLEANUP(freep) char *masked = NULL;

	switch (json_object_get_type(value)) {
	case json_type_object:
		return mask_object(mask, value);
	case json_type_array:
		return mask_array(mask, value);
	case json_type_string:
		masked = mask_text(mask, json_object_get_string(value), true);
		return masked ? json_object_new_string(masked) : NULL;
	default:
		return json_object_get(value);
	}
}
