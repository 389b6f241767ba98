/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that all commands share, beside a command's own. */
#pragma once

#include <getopt.h>

#include "client/client.h"
#include "common/model/event.h"

/* Takes one of a command's own options. Returns EXIT_DONE, or EXIT_USAGE after saying why. */
typedef int option_taker(void *user, int option, const char *value);

/* Reads a command's arguments: the shared options into *context, its own (`letters` and the
 * `own` table, which an empty entry ends; both may be NULL) through `take`. `letters` that begin
 * with + end at the first word that is no option. Makes the output and layout ready. Returns the
 * index of the first word, or minus an exit code after saying why. */
int options_read(struct context *context, int argc, char **argv, const char *letters,
	const struct option *own, option_taker *take, void *user);
/* Reads a number of `least` or more. Returns EXIT_DONE, or EXIT_USAGE after saying why. */
int option_number(const char *name, const char *value, int64_t least, int64_t *ret);
/* Reads the word of an ended restore's outcome. Returns EXIT_DONE, or EXIT_USAGE after saying why.
 */
int option_outcome(const char *value, enum outcome *ret);
/* The words that it takes, for people. */
#define OUTCOME_WORDS "succeeded, failed, aborted or not-started"
/* Says that there are too many words. Returns EXIT_USAGE. */
int options_too_many(const char *command, const char *word);
