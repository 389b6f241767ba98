/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/json_syntax.h"

#include <assert.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

struct scan {
	const char *text;
	size_t length;
	size_t at;
	unsigned depth;
	bool in_object[JSON_SYNTAX_DEPTH_MAX + 1];
};

static bool take(struct scan *scan, char c)
{
	if (scan->at == scan->length || scan->text[scan->at] != c)
		return false;
	scan->at++;
	return true;
}

/* Skips one of the characters `set`. */
static bool take_of(struct scan *scan, const char *set)
{
	if (scan->at == scan->length || !scan->text[scan->at] || !strchr(set, scan->text[scan->at]))
		return false;
	scan->at++;
	return true;
}

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->length && scan->text[scan->at] <= ' ' && take_of(scan, " \t\r\n"))
		;
}

static bool take_escape(struct scan *scan)
{
	if (!take(scan, 'u'))
		return take_of(scan, "\"\\/bfnrt");
	for (int i = 0; i < 4; i++)
		if (!take_of(scan, "0123456789abcdefABCDEF"))
			return false;
	return true;
}

static bool take_string(struct scan *scan)
{
	if (!take(scan, '"'))
		return false;
	while (scan->at < scan->length && (unsigned char)scan->text[scan->at] >= ' ') {
		char c = scan->text[scan->at++];

		if (c == '"')
			return true;
		if (c == '\\' && !take_escape(scan))
			return false;
	}
	return false;
}

static bool take_digits(struct scan *scan)
{
	size_t begin = scan->at;

	while (scan->at < scan->length && scan->text[scan->at] >= '0' &&
		scan->text[scan->at] <= '9')
		scan->at++;
	return scan->at > begin;
}

static bool take_number(struct scan *scan)
{
	take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return false;
	if (take(scan, '.') && !take_digits(scan))
		return false;
	if (!take_of(scan, "eE"))
		return true;
	take_of(scan, "+-");
	return take_digits(scan);
}

static bool take_word(struct scan *scan)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i]);

		if (scan->length - scan->at < length ||
			memcmp(scan->text + scan->at, words[i], length) != 0)
			continue;
		scan->at += length;
		return true;
	}
	return false;
}

static bool take_scalar(struct scan *scan)
{
	return scan->at < scan->length && scan->text[scan->at] == '"'
		       ? take_string(scan)
		       : take_word(scan) || take_number(scan);
}

/* Skips the name of a member, up to the start of its value. */
static bool take_name(struct scan *scan)
{
	skip_blanks(scan);
	if (!take_string(scan))
		return false;
	skip_blanks(scan);
	return take(scan, ':');
}

/* Skips a value, or the start of a list or object: then *ret_open is true and the next value is
 * inside it. */
static bool take_beginning(struct scan *scan, unsigned depth_max, bool *ret_open)
{
	bool object;

	skip_blanks(scan);
	*ret_open = false;
	object = take(scan, '{');
	if (!object && !take(scan, '['))
		return take_scalar(scan);
	if (scan->depth == depth_max)
		return false;
	skip_blanks(scan);
	if (take(scan, object ? '}' : ']'))
		return true;
	scan->in_object[++scan->depth] = object;
	*ret_open = true;
	return !object || take_name(scan);
}

/* Skips the ends of the lists and objects around a value, and the comma before the next value. */
static bool take_end(struct scan *scan, bool *ret_more)
{
	*ret_more = false;
	for (skip_blanks(scan); scan->depth > 0; skip_blanks(scan)) {
		bool object = scan->in_object[scan->depth];

		if (take(scan, ',')) {
			*ret_more = true;
			return !object || take_name(scan);
		}
		if (!take(scan, object ? '}' : ']'))
			return false;
		scan->depth--;
	}
	return scan->at == scan->length;
}

bool json_syntax_check(const char *text, size_t length, unsigned depth_max, size_t *ret_at)
{
	struct scan scan = {.text = text, .length = length};
	bool right = true, open = true, more = true;

	assert(depth_max <= JSON_SYNTAX_DEPTH_MAX);
	while (right && more) {
		right = take_beginning(&scan, depth_max, &open);
		if (right && !open)
			right = take_end(&scan, &more);
	}
	*ret_at = scan.at;
	return right && text_is_utf8(text, length);
}
