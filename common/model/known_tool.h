/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restore tools, and the programs that may use a phone in a restore, by name. A constant table from
 * knowledge/tools.txt; it looks at no process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/model/says.h"

#define TOOL_OLD_MAX 8
#define TOOL_ERASE_MAX 2

enum program_role {
	PROGRAM_OTHER,	 /* unrelated to restores */
	PROGRAM_OWN,	 /* usbmuxd and ours */
	PROGRAM_TOOL,	 /* restores phones */
	PROGRAM_DESKTOP, /* part of a desktop: queries each attached phone */
};

struct known_tool {
	const char *name;
	enum program_role role;
	enum says says;	     /* of its failures */
	const char *custom;  /* in a command that makes a custom restore; NULL = nothing is */
	const char *process; /* NULL = its name */
	const char *ask;     /* argument that prints its version; NULL = not queried */
	bool quick;	     /* with --version, it answers at once and does nothing else */
	const char *erase[TOOL_ERASE_MAX]; /* options for an erase; NULL = no more */
	const char *debug;		   /* option for more output; NULL = not known */
	struct {
		const char *version; /* NULL = no more */
		int year;
	} old[TOOL_OLD_MAX]; /* releases that are too old for later phones */
};

/* All of them, in the order of the file. */
const struct known_tool *known_tool_all(size_t *ret_count);
/* The tool with that name; NULL if unknown. */
const struct known_tool *known_tool_by_name(const char *name);
/* The tool whose name is a prefix of the program's file name; NULL if unknown. */
const struct known_tool *known_tool_of_program(const char *name);
/* The role of that program. */
enum program_role program_role(const char *name);
