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

/* The year of a date behind "git"; 0 where there is none. */
static int git_year(const char *version)
{
	const char *at = strstr(version, "git");
	int year = 0;

	if (!at)
		return 0;
	at += strlen("git");
	at += *at == '-';
	for (int i = 0; i < 4; i++) {
		if (!isdigit((unsigned char)at[i]))
			return 0;
		year = 10 * year + (at[i] - '0');
	}
	return year >= FIRST_YEAR && year <= LAST_YEAR ? year : 0;
}

int tool_version_year(const char *name, const char *version)
{
	const struct known_tool *tool = known_tool_by_name(name);

	for (size_t i = 0; tool && i < TOOL_OLD_MAX && tool->old[i].version; i++)
		if (text_equal(tool->old[i].version, version))
			return tool->old[i].year;
	return git_year(version);
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
