/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the options of a command line. */
#pragma once

#include <stdint.h>

#include "client/command.h"

/* Handles one of a command's own options. Returns EXIT_DONE, or EXIT_USAGE after reporting the
 * error. */
typedef int option_taker(void *user, int option, const char *value);

/* Reads the arguments of context->command: the shared options into *context, its own with `take`,
 * which may be NULL if it has none. Prepares the output and layout. Returns the index of the first
 * word, or minus an exit code after reporting the error. */
int options_read(struct context *context, int argc, char **argv, option_taker *take, void *user);
/* Reads a number that is at least `least`. Returns EXIT_DONE, or EXIT_USAGE after reporting the
 * error. */
int option_number(const char *name, const char *value, int64_t least, int64_t *ret);
/* Reads one of the words, which blanks separate. Returns EXIT_DONE with *ret = `value`, or
 * EXIT_USAGE after reporting the error. */
int option_word(const char *name, const char *value, const char *words, const char **ret);
/* Reports an extra argument. Returns EXIT_USAGE. */
int options_too_many(const char *command, const char *word);
