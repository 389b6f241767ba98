/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/tool_age.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define FIRST_YEAR 2007 /* of the first iPhone */
#define LAST_YEAR 2099

/* Releases that lack what later phones ask a host for (Savage, Rose, Yonkers, splat and FDR
 * requests: libimobiledevice/idevicerestore issues 354, 492, 658, 735, 779). A build from git tells
 * more than the bare number and is not among them. */
static const struct {
	const char *name;
	const char *version;
	int year;
} old_versions[] = {
	{"idevicerestore", "1.0.0", 2020},
};

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
	for (size_t i = 0; i < ARRAY_SIZE(old_versions); i++)
		if (text_equal(old_versions[i].name, name) &&
			text_equal(old_versions[i].version, version))
			return old_versions[i].year;
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
