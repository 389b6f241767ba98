/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The version of a restore tool, and that of the Debian package that installed it, which has a date
 * where the tool prints none. It starts the tool only to query the version;
 * common/diagnosis/tool_age.h has the dates of versions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/question.h"

#define TOOL_VERSION_SIZE 96
#define TOOL_PACKAGE_SIZE 64

/* Starts the query to the tool `name` in PATH without waiting. Returns 0, -ENOENT if there is no
 * such tool, or another negative errno. The caller must call tool_version_end(). */
int tool_version_start(const char *name, struct question *ret);
/* The same for the version of the package that has the program `name` of PATH: it asks dpkg. The
 * caller must call tool_package_end(). */
int tool_package_start(const char *name, struct question *ret);
/* Ends the query and reads the tool's version from its output. Returns 0 or -EBADMSG. */
int tool_version_end(
	struct question *question, const char *name, char version[static TOOL_VERSION_SIZE]);
/* The same for the package. Returns 0, or -EBADMSG if no package has the program or there is no
 * dpkg.
 */
int tool_package_end(struct question *question, char package[static TOOL_PACKAGE_SIZE]);
/* Queries the tool `name` in PATH, with `--version` or `version`, and waits up to 5 s. Returns 0,
 * -ENOENT if there is no such tool, -ETIMEDOUT, or -EBADMSG if its output has no version. */
int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE]);
/* The same for the package. */
int tool_package_ask(const char *name, char package[static TOOL_PACKAGE_SIZE]);
/* Joins both, of which either may be empty: "1.0.1 (package 1.0.0+git20240709-1)". */
void tool_version_join(
	const char *version, const char *package, char out[static TOOL_VERSION_SIZE]);
/* The version in the tool's output: the word after its name, else the first word that begins with a
 * digit. Returns 0 or -EBADMSG. */
int tool_version_read(const char *answer, const char *name, char version[static TOOL_VERSION_SIZE]);
