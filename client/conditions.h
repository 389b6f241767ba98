/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options for the conditions of an attempt: cable, flex, battery… It checks them against
 * knowledge/factors.txt and stores nothing. */
#pragma once

#include "client/client.h"

/* The numbers of these options; a command's own start at CONDITION_OPTIONS_END. */
enum {
	OPTION_CABLE = 0x200,
	OPTION_EARPIECE,
	OPTION_DISPLAY,
	OPTION_BATTERY,
	OPTION_MINIMAL,
	OPTION_CONDITION,
	CONDITION_OPTIONS_END
};

/* Entries of a command's table for options_read(). */
/* clang-format off */
#define CONDITION_OPTIONS                                                                          \
	{"cable", required_argument, NULL, OPTION_CABLE},                                          \
	{"earpiece-flex", required_argument, NULL, OPTION_EARPIECE},                               \
	{"display", required_argument, NULL, OPTION_DISPLAY},                                      \
	{"battery", required_argument, NULL, OPTION_BATTERY},                                      \
	{"minimal-boot", no_argument, NULL, OPTION_MINIMAL},                                       \
	{"condition", required_argument, NULL, OPTION_CONDITION}
/* clang-format on */

/* Receives a condition, with its key of case files. Both texts live until it returns. Returns
 * EXIT_DONE, or EXIT_USAGE after reporting the error. */
typedef int condition_taker(void *user, const char *key, const char *value);

/* Reads one of these options. Returns the result of `take`, EXIT_USAGE after reporting the error,
 * or -1 if `option` is another option. */
int condition_read(int option, const char *value, condition_taker *take, void *user);
