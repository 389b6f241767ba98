/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/tool_version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/model/known_tool.h"

#define ANSWER_MAX_US (5 * USEC_PER_SEC)

int tool_version_read(const char *answer, const char *name, char version[static TOOL_VERSION_SIZE])
{
	const char *at = strstr(answer, name);
	size_t length;

	if (at)
		at += strlen(name) + strspn(at + strlen(name), " :v");
	if (!at || !isdigit((unsigned char)*at))
		for (at = answer; *at && !isdigit((unsigned char)*at); at++)
			;
	length = strcspn(at, " \t\r\n,;)");
	if (!length || length >= TOOL_VERSION_SIZE)
		return -EBADMSG;
	text_clean(at, length, version, TOOL_VERSION_SIZE);
	return 0;
}

int tool_version_start(const char *name, struct question *ret)
{
	const struct known_tool *tool = known_tool_by_name(name);
	const char *word = tool && tool->ask ? tool->ask : "--version";

	return question_start((const char *[]){name, word, NULL}, ret);
}

int tool_package_start(const char *name, struct question *ret)
{
	/* dpkg knows a file by its path without links. The package with the program's name is asked
	 * first: a search among all takes five times as long. */
	static const char script[] =
		"path=$(command -v \"$1\") && path=$(readlink -f \"$path\") && "
		"owner=${path##*/} && "
		"{ dpkg-query -L \"$owner\" 2>/dev/null | grep -qxF \"$path\" 2>/dev/null || "
		"owner=$(dpkg-query -S \"$path\" 2>/dev/null); } && "
		"dpkg-query -W -f '${Version}\\n' \"${owner%%:*}\"";

	return question_start((const char *[]){"/bin/sh", "-c", script, "sh", name, NULL}, ret);
}

int tool_version_end(
	struct question *question, const char *name, char version[static TOOL_VERSION_SIZE])
{
	question_end(question);
	return tool_version_read(question->answer, name, version);
}

/* dpkg's versions have no blank and begin with a digit (deb-version(7)). */
int tool_package_end(struct question *question, char package[static TOOL_PACKAGE_SIZE])
{
	size_t length = strcspn(question->answer, "\n");

	question_end(question);
	if (!isdigit((unsigned char)question->answer[0]) || !question->answer[length] ||
		length >= TOOL_PACKAGE_SIZE || strcspn(question->answer, " ") < length)
		return -EBADMSG;
	text_clean(question->answer, length, package, TOOL_PACKAGE_SIZE);
	return 0;
}

int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE])
{
	struct question question;
	bool heard;
	int r = tool_version_start(name, &question);

	if (r < 0)
		return r;
	heard = question_wait(&question, ANSWER_MAX_US);
	r = tool_version_end(&question, name, version);
	return heard ? r : -ETIMEDOUT;
}

int tool_package_ask(const char *name, char package[static TOOL_PACKAGE_SIZE])
{
	struct question question;
	bool heard;
	int r = tool_package_start(name, &question);

	if (r < 0)
		return r;
	heard = question_wait(&question, ANSWER_MAX_US);
	r = tool_package_end(&question, package);
	return heard ? r : -ETIMEDOUT;
}

void tool_version_join(const char *version, const char *package, char out[static TOOL_VERSION_SIZE])
{
	if (!*package)
		text_copy(out, TOOL_VERSION_SIZE, version);
	else
		snprintf(out, TOOL_VERSION_SIZE, "%s%s(package %s)", version, *version ? " " : "",
			package);
}
