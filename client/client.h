/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the commands: their context and exit codes. Each command parses its own
 * arguments, queries the daemon and passes the answer to an output; none formats text. */
#pragma once

#include <stdbool.h>

#include "client/text_layout.h"

struct command;
struct output;

/* Exit codes of every command; `run` returns its tool's. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* or failed after reporting an error; `doctor`: found a problem */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,  /* no daemon */
	EXIT_UNKNOWN_NAME = 4, /* no such device or session */
	/* Only for `diagnose` and `wait`. */
	EXIT_CONNECTION = 10,
	EXIT_SOFTWARE = 11,
	EXIT_HARDWARE = 20,
	EXIT_UNDECIDED = 30,
	EXIT_RUNNING = 40, /* a restore of the phone is running */
	EXIT_HUNG = 41,	   /* it is running, and its current wait is over its budget */
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct context {
	const char *socket;    /* path of the daemon's socket */
	const char *state_dir; /* folder of the daemon's ring */
	bool reveal;	       /* show identifiers in full */
	enum color_choice color;
	bool no_pager;
	bool ignores_children; /* our parent ignores SIGCHLD: process_keep_children() */
	int terminal;	       /* where collected output goes (pager.h); 0 = none is collected */
	const struct output *output;   /* text or JSON */
	const struct command *command; /* NULL before the command line has named one */
	struct layout layout;	       /* standard output; ready after the options are read */
};

/* Prints one sentence to standard error, after the program's name and without control
 * characters. */
void report_error(const char *format, ...) PRINTF_LIKE(1, 2);
/* Reports that memory ran out. Returns EXIT_REFUSED. */
int report_no_memory(void);
