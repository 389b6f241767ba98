/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restore tools, and which programs may use a phone in a restore, by their names. A constant table
 * from knowledge/tools.txt; knows no process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/model/says.h"

#define TOOL_OLD_MAX 4

enum program_role {
	PROGRAM_OTHER,	 /* has no business there */
	PROGRAM_OWN,	 /* usbmuxd and ours */
	PROGRAM_TOOL,	 /* restores phones */
	PROGRAM_DESKTOP, /* part of a desktop: asks each phone that comes */
};

struct known_tool {
	const char *name;
	enum program_role role;
	enum says says;	     /* of its failures */
	const char *process; /* NULL = its name */
	const char *ask;     /* argument that asks its version; NULL = not asked */
	bool quick;	     /* answers --version at once and does nothing else then */
	struct {
		const char *version; /* NULL = no more */
		int year;
	} old[TOOL_OLD_MAX]; /* releases that later phones are too new for */
};

/* All of them, in the order of the file. */
const struct known_tool *known_tool_all(size_t *ret_count);
/* The tool of that name; NULL where it is not known. */
const struct known_tool *known_tool_by_name(const char *name);
/* The tool whose name begins the name of a program without its folder; NULL where it is not known.
 */
const struct known_tool *known_tool_of_program(const char *name);
/* The role of that program. */
enum program_role program_role(const char *name);
