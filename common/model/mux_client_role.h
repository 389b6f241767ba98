/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which programs may have their hands on a phone in a restore, by their names. Knows no process. */
#pragma once

enum program_role {
	PROGRAM_OTHER,	 /* has no business there */
	PROGRAM_OWN,	 /* usbmuxd and ours */
	PROGRAM_TOOL,	 /* restores phones */
	PROGRAM_DESKTOP, /* part of a desktop: asks each phone that comes */
};

/* The role of the program whose name, without its folder, is or begins with a known one. */
enum program_role program_role(const char *name);
