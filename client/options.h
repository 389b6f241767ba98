/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of all commands, and reading a command's own. */
#pragma once

#include <getopt.h>

#include "client/client.h"
#include "common/model/event.h"

/* Handles one of a command's own options. Returns EXIT_DONE, or EXIT_USAGE after reporting the
 * error. */
typedef int option_taker(void *user, int option, const char *value);

/* Reads a command's arguments: the shared options into *context, its own (`letters` and the `own`
 * table, which ends with an empty entry; both may be NULL) with `take`. If `letters` begin with +,
 * the options end at the first other word. Prepares the output and layout. Returns the index of the
 * first word, or minus an exit code after reporting the error. */
int options_read(struct context *context, int argc, char **argv, const char *letters,
	const struct option *own, option_taker *take, void *user);
/* Reads a number that is at least `least`. Returns EXIT_DONE, or EXIT_USAGE after reporting the
 * error. */
int option_number(const char *name, const char *value, int64_t least, int64_t *ret);
/* Reports an extra argument. Returns EXIT_USAGE. */
int options_too_many(const char *command, const char *word);
