/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/tool_age.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/known_tool.h"

#define FIRST_YEAR 2007 /* of the first iPhone */
#define LAST_YEAR 2099
#define RELEASE_PARTS 4 /* numbers per version or build */

/* Reads `count` digits. */
static int read_digits(const char *text, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		number = 10 * number + (text[i] - '0');
	}
	return number;
}

/* The year and month of a date after "git"; 0 if there is none. */
static int git_month(const char *version)
{
	const char *at = strstr(version, "git");
	int year, month;

	if (!at)
		return 0;
	at += strlen("git");
	at += *at == '-';
	year = read_digits(at, 4);
	if (year < FIRST_YEAR || year > LAST_YEAR)
		return 0;
	at += 4;
	at += *at == '-';
	month = read_digits(at, 2);
	return 100 * year + (month >= 1 && month <= 12 ? month : 12);
}

/* Whether it is a build with at most as many commits after a release: 1.0.0-60-g… for 1.0.0-76. */
static bool is_build_until(const char *version, const char *known)
{
	const char *dash = strrchr(known, '-');
	size_t length = dash ? (size_t)(dash - known) + 1 : 0;
	char *end;
	long commits;

	if (!dash || strncmp(version, known, length) != 0 ||
		!isdigit((unsigned char)version[length]))
		return false;
	commits = strtol(version + length, &end, 10);
	return commits <= atol(dash + 1) && (!*end || *end == ' ' || text_starts_with(end, "-g"));
}

/* Whether it is that version, whatever follows in brackets, or such a build. */
static bool is_version(const char *version, const char *known)
{
	size_t length = strlen(known);

	if (is_build_until(version, known))
		return true;
	return strncmp(version, known, length) == 0 &&
	       (!version[length] || text_starts_with(version + length, " ("));
}

int tool_version_month(const char *name, const char *version)
{
	const struct known_tool *tool = known_tool_by_name(name);
	int month = git_month(version);

	for (size_t i = 0; !month && tool && i < TOOL_OLD_MAX && tool->old[i].version; i++)
		if (is_version(version, tool->old[i].version))
			month = 100 * tool->old[i].year + 12;
	return month;
}

int tool_version_year(const char *name, const char *version)
{
	return tool_version_month(name, version) / 100;
}

bool tool_precedes(const char *name, const char *version, int released)
{
	int month = tool_version_month(name, version);

	return month && released > month;
}

int firmware_year(const char *version)
{
	int major = atoi(version);

	if (major >= 5 && major <= 18)
		return 2006 + major;
	return major >= 26 && major < 100 ? 1999 + major : 0;
}

int firmware_build_year(const char *build)
{
	char *rest;
	long major = strtol(build, &rest, 10);

	if (rest == build || !isupper((unsigned char)*rest) || major < 7 || major > 97)
		return 0;
	return (int)major + 2002;
}

/* A firmware as a list of numbers to compare; in a build, the letter is one of them. */
struct release {
	bool is_build;
	size_t count;
	long parts[RELEASE_PARTS];
};

/* Returns false if the text is not a firmware version. */
static bool read_release(const char *text, struct release *ret)
{
	*ret = (struct release){0};
	while (isdigit((unsigned char)*text) && ret->count < RELEASE_PARTS) {
		char *end;

		ret->parts[ret->count++] = strtol(text, &end, 10);
		text = end;
		if (*text == '.' && !ret->is_build) {
			text++;
		} else if (isupper((unsigned char)*text) && ret->count == 1) {
			ret->is_build = true;
			ret->parts[ret->count++] = *text++;
		}
	}
	/* Builds of beta versions end in a lower-case letter. */
	return ret->count > 1 && (!*text || (ret->is_build && islower((unsigned char)*text)));
}

bool firmware_is_older(const char *firmware, const char *other)
{
	struct release a, b;

	if (!read_release(firmware, &a) || !read_release(other, &b) || a.is_build != b.is_build)
		return false;
	for (size_t i = 0; i < RELEASE_PARTS; i++)
		if (a.parts[i] != b.parts[i])
			return a.parts[i] < b.parts[i];
	return false;
}
