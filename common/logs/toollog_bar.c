/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Progress bars. The tools draw them over each other on one line, so a log has many of them without
 * line ends, and the next message directly after the last one. */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

#define BAR_MAX 80    /* bytes of "[===   ]"; the tools' have 52 */
#define TQDM_MAX 1024 /* bytes of a bar as wide as a terminal; its blocks have three each */

static const char digits[] = "0123456789";

/* Reads "25.0%" as 250. Returns the text after it; NULL if it is not a percentage. */
static const char *read_percent(const char *text, int32_t *ret_permille)
{
	int32_t permille = 0;
	const char *at = text + strspn(text, " ");

	for (size_t count = 0; *at >= '0' && *at <= '9'; at++) {
		if (++count > 3)
			return NULL;
		permille = permille * 10 + (*at - '0') * 10;
	}
	if (*at == '.' && at[1] >= '0' && at[1] <= '9') {
		permille += at[1] - '0';
		at += 1 + strspn(at + 1, digits);
	}
	if (*at != '%' || at == text)
		return NULL;
	*ret_permille = permille;
	return at + 1;
}

/* "[===   ]  25.0%", of idevicerestore and the tools with its code. */
static const char *read_bar(const char *text, int32_t *ret_permille)
{
	const char *end = text + 1;

	if (*end != '=' && *end != ' ')
		return NULL;
	end += strspn(end, "=");
	end += strspn(end, " ");
	if (*end++ != ']' || end - text > BAR_MAX)
		return NULL;
	return read_percent(end, ret_permille);
}

/* "|█████     | 45/100 [00:10<00:12,  4.41it/s]", of Python's tqdm, after its percentage. */
static const char *read_tqdm(const char *text)
{
	static const char counts[] = "0123456789.kMGTP";
	const char *end = strchr(text + 1, '|');

	if (!end || end - text > TQDM_MAX || end[1] != ' ')
		return NULL;
	end += strlen("| ");
	if (strspn(end, counts) == 0)
		return NULL;
	end += strspn(end, counts);
	if (*end++ != '/' || strspn(end, counts) == 0)
		return NULL;
	end += strspn(end, counts);
	if (!text_starts_with(end, " ["))
		return NULL;
	end += strcspn(end, "]");
	return *end ? end + 1 : NULL;
}

/* What is drawn: "Uploading", "Verifying 'iPhone.ipsw'", the name of a component. Anything else
 * before a bar is a message that lost its line end. */
static bool is_label(const char *text, size_t length)
{
	bool quoted = false;

	while (length > 0 && text[length - 1] == ' ')
		length--;
	if (length >= NAME_SIZE)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\'')
			quoted = !quoted;
		else if (!quoted && !isalnum((unsigned char)text[i]) && !strchr(" ,-_.", text[i]))
			return false;
	}
	return !quoted && (length == 0 || !strchr(".,", text[length - 1]));
}

/* Takes the text from `line` to the bar as its label, if it is one. */
static void take_label(const char *line, const char *at, struct toollog_bar *bar)
{
	size_t length = (size_t)(at - line);

	bar->begin = at;
	bar->label[0] = '\0';
	if (!is_label(line, length))
		return;
	bar->begin = line;
	while (length > 0 && line[length - 1] == ' ')
		length--;
	memcpy(bar->label, line, length);
	bar->label[length] = '\0';
}

static bool find_bar(const char *line, const char *at, struct toollog_bar *ret)
{
	ret->end = read_bar(at, &ret->permille);
	if (!ret->end)
		return false;
	take_label(line, at, ret);
	return true;
}

/* "verify-restore:  45%|...": `at` is at the percent sign. */
static bool find_tqdm(const char *line, const char *at, struct toollog_bar *ret)
{
	const char *end = at[1] == '|' ? read_tqdm(at + 1) : NULL;

	while (end && at > line && isdigit((unsigned char)at[-1]))
		at--;
	if (!end || !read_percent(at, &ret->permille))
		return false;
	ret->end = end;
	while (at > line && at[-1] == ' ')
		at--;
	take_label(line, at > line && at[-1] == ':' ? at - 1 : at, ret);
	return true;
}

/* "Uploading:   0.5", of idevicerestore with --plain-progress: the whole line. */
static bool find_plain(const char *line, size_t length, struct toollog_bar *ret)
{
	static const char shape[] = ":   0.5";
	const char *at = line + length - strlen(shape);

	if (length <= strlen(shape) || !text_starts_with(at, ":   ") ||
		(at[4] != '0' && at[4] != '1') || at[5] != '.' || !isdigit((unsigned char)at[6]) ||
		!is_label(line, (size_t)(at - line)))
		return false;
	take_label(line, at, ret);
	ret->permille = (at[4] - '0') * 1000 + (at[6] - '0') * 100;
	ret->end = line + length;
	return true;
}

bool toollog_find_bar(const char *line, size_t length, struct toollog_bar *ret)
{
	bool found = false;

	/* Few lines have a percent sign, and both kinds of bars have one. */
	for (const char *at = memchr(line, '%', length) ? line : "";
		!found && (at = strpbrk(at, "[%")); at++)
		found = *at == '[' ? find_bar(line, at, ret) : find_tqdm(line, at, ret);
	if (!found && !find_plain(line, length, ret))
		return false;
	ret->end += strspn(ret->end, " ");
	return true;
}
