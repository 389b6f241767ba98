/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hides ECIDs, UDIDs, serial numbers and tickets in text. Known values are hidden everywhere.
 * Values of other phones are recognised by the forms that phones and restore tools print; that does
 * not guarantee anonymity. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json_object.h>

/* Values to hide. Begin with {0}. */
struct mask {
	struct mask_value {
		char *text;
		bool whole_word;
	} * values;
	size_t count;
};

/* Adds a value, upper or lower case, inside words too. Values below 3 characters are ignored.
 * Each returns 0 or -ENOMEM. */
int mask_add(struct mask *mask, const char *identifier);
/* An ECID in hex, with or without 0x; its decimal and its padded form are added too. */
int mask_add_ecid(struct mask *mask, const char *ecid);
/* A value that is hidden only as a whole word, such as a ticket. */
int mask_add_word(struct mask *mask, const char *word);
/* Adds the serial numbers and other identifiers that follow a word such as "serial number" in the
 * text: they may stand elsewhere without it. */
int mask_learn(struct mask *mask, const char *text);
void mask_done(struct mask *mask);

/* Returns a copy of `text` in which an ellipsis (`…`, or `..` without `utf8`) replaces all but the
 * last four characters of each identifier; the caller frees it. NULL when out of memory. Hidden
 * are: the values of `mask`, which may be NULL; 13 or more hex digits, 0x with 7 or more (ECIDs,
 * UDIDs, IMEIs), except the UUID of a session and kernel addresses (0xffff…); and what follows a
 * word such as "ECID" or "serial number". */
char *mask_text(const struct mask *mask, const char *text, bool utf8);
/* The same for a JSON value: each text and key in it is masked, and the members "ecid", "udid",
 * "serial" and "ticket" are left out. Returns a copy that the caller owns, or NULL when out of
 * memory. */
struct json_object *mask_json(const struct mask *mask, struct json_object *value);
