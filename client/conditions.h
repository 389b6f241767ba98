/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options for the conditions of an attempt: cable, flex, battery… It checks them against
 * knowledge/factors.txt and stores nothing. */
#pragma once

#include "client/command.h"

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
	{"cable", OPTION_CABLE, "LABEL", "the label of the cable", COMPLETE_CABLE},                \
	{"earpiece-flex", OPTION_EARPIECE, "STATE", "the state of the earpiece flex",              \
		COMPLETE_STATE, "earpieceFlex"},                                                   \
	{"display", OPTION_DISPLAY, "STATE", "the state of the display", COMPLETE_STATE,           \
		"display"},                                                                        \
	{"battery", OPTION_BATTERY, "STATE", "the state of the battery", COMPLETE_STATE,           \
		"battery"},                                                                        \
	{"minimal-boot", OPTION_MINIMAL, NULL, "only the parts that the board needs to start"},    \
	{"condition", OPTION_CONDITION, "KEY=VALUE", "any other condition", COMPLETE_CONDITION}
/* clang-format on */

/* Receives a condition, with its key of case files. Both texts live until it returns. Returns
 * EXIT_DONE, or EXIT_USAGE after reporting the error. */
typedef int condition_taker(void *user, const char *key, const char *value);

/* Reads one of these options. Returns the result of `take`, EXIT_USAGE after reporting the error,
 * or -1 if `option` is another option. */
int condition_read(int option, const char *value, condition_taker *take, void *user);
