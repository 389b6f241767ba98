/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/mask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/macro.h"

#define BARE_DIGITS_LEAST 13	/* hex digits without 0x: an ECID in a UDID has 16 */
#define PREFIXED_DIGITS_LEAST 7 /* after 0x; the shortest known ECIDs have 10 */
#define KEPT 4			/* characters at the end that stay */
#define SERIAL_LEAST 8		/* characters of the shortest serial number */

/* What stands before a serial number, in lower case. */
static const char *const serial_marks[] = {"srnm:[",
	"serialnumber:", "serialnumber=", "serial number:", "serial number is ",
	"serial:", "serialnumber\": \""};

static size_t hex_run(const char *text)
{
	size_t length = 0;

	while (isxdigit((unsigned char)text[length]))
		length++;
	return length;
}

/* The length of the UUID that stands here, 0 where none does. */
static size_t uuid_here(const char *text)
{
	char copy[UUID_TEXT_SIZE];
	struct uuid uuid;

	snprintf(copy, sizeof(copy), "%s", text);
	return uuid_parse(copy, &uuid) == 0 ? UUID_TEXT_SIZE - 1 : 0;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The length of the identifier that begins at `text`, 0 where none does. */
static size_t identifier_here(const char *text)
{
	size_t digits;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		digits = hex_run(text + 2);
		if (strncasecmp(text + 2, "ffff", 4) == 0 || digits < PREFIXED_DIGITS_LEAST)
			return 0;
		return digits + 2;
	}
	digits = hex_run(text);
	return digits >= BARE_DIGITS_LEAST && !is_word(text[digits]) ? digits : 0;
}

/* The length of the mark of a serial number that stands here, 0 where none does. */
static size_t serial_mark_here(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(serial_marks); i++)
		if (strncasecmp(text, serial_marks[i], strlen(serial_marks[i])) == 0) {
			size_t length = strlen(serial_marks[i]);

			return length + strspn(text + length, " ");
		}
	return 0;
}

static size_t serial_here(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]))
		length++;
	return length >= SERIAL_LEAST ? length : 0;
}

static size_t word_here(const char *text)
{
	size_t length = 0;

	while (is_word(text[length]))
		length++;
	return length ? length : 1;
}

char *mask_identifiers(const char *text, bool utf8)
{
	char *masked = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&masked, &size);
	bool serial = false;

	if (!out)
		return NULL;
	while (*text) {
		size_t mark = serial_mark_here(text), length = 0, pass = mark;

		if (!mark && serial)
			length = serial_here(text);
		if (!mark && !length && (pass = uuid_here(text)) == 0)
			length = identifier_here(text);
		if (length) {
			fprintf(out, "%s%.*s", utf8 ? "…" : "..", KEPT, text + length - KEPT);
			pass = 0;
		} else if (!pass) {
			pass = word_here(text);
		}
		fwrite(text, 1, pass, out);
		text += length + pass;
		serial = mark > 0;
	}
	if (fclose(out) < 0) {
		free(masked);
		return NULL;
	}
	return masked;
}
