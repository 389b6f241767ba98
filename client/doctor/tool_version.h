/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What version a restore tool is. Starts the tool for its version alone; of which year versions are
 * stands in common/triage/tool_age.h. */
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
