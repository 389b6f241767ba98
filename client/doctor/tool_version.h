/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What version a restore tool is, and of which year versions and firmware are. Starts the tool for
 * its version alone. */
#pragma once

#include "common/base/macro.h"

#define TOOL_VERSION_SIZE 96

/* Asks the tool `name` of the PATH for its version, with `--version` or `version`, and waits 5 s.
 * Returns 0, -ENOENT where there is no such tool, -ETIMEDOUT, or -EBADMSG for an answer with no
 * version in it. */
int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE]);
/* The version in the tool's answer: what follows its name, else the first word that begins with a
 * digit. Returns 0 or -EBADMSG. */
int tool_version_read(const char *answer, const char *name, char version[static TOOL_VERSION_SIZE]);
/* The year of a version that is too old for later firmware; 0 = not known to be. */
int tool_version_year(const char *name, const char *version);
/* The year in which a firmware such as 16.4.1 came out with its first number; 0 = not known. iOS 13
 * to 18 are of 2019 to 2024, 26 is of 2025 (Apple numbers them by years since then). */
int firmware_year(const char *version);
