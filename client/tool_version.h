/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What version a restore tool is. Starts the tool for its version alone; of which year versions are
 * stands in common/diagnosis/tool_age.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/macro.h"

#define TOOL_VERSION_SIZE 96
#define TOOL_ANSWER_SIZE 2048

/* A tool that is asked. */
struct tool_question {
	const char *name; /* borrowed */
	pid_t pid;
	int fd; /* readable when there is something to hear; -1 = nothing is asked */
	char answer[TOOL_ANSWER_SIZE];
	size_t length;
};

/* Asks the tool `name` of the PATH and waits for nothing. Returns 0, -ENOENT where there is no such
 * tool, or another negative errno. The caller ends what was started: tool_version_end(). */
int tool_version_start(const char *name, struct tool_question *ret);
/* Takes what the tool has said. Returns true when that is all. */
bool tool_version_hear(struct tool_question *question);
/* Ends the tool and reads the version in its answer. Returns 0 or -EBADMSG. */
int tool_version_end(struct tool_question *question, char version[static TOOL_VERSION_SIZE]);
/* Asks the tool `name` of the PATH for its version, with `--version` or `version`, and waits 5 s.
 * Returns 0, -ENOENT where there is no such tool, -ETIMEDOUT, or -EBADMSG for an answer with no
 * version in it. */
int tool_version_ask(const char *name, char version[static TOOL_VERSION_SIZE]);
/* The version in the tool's answer: what follows its name, else the first word that begins with a
 * digit. Returns 0 or -EBADMSG. */
int tool_version_read(const char *answer, const char *name, char version[static TOOL_VERSION_SIZE]);
