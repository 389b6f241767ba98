/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command line reports of an attempt (common/model/detail.h): of a new one, or as
 * corrections of a past one. */
#pragma once

#include <getopt.h>

#include "client/conditions.h"
#include "client/rpc.h"
#include "common/model/detail.h"

#define REPORTED_MAX 48 /* details in one command */

/* The numbers of these options; a command's own start at REPORTED_OPTIONS_END. */
enum {
	OPTION_OUTCOME = CONDITION_OPTIONS_END,
	OPTION_ERROR,
	OPTION_HOST,
	OPTION_HOST_OS,
	OPTION_TOOL,
	OPTION_OPERATION,
	OPTION_STAGE,
	OPTION_ACTION,
	OPTION_ENTRY,
	OPTION_FIRMWARE,
	OPTION_MODEL,
	OPTION_PORT,
	OPTION_TICKET,
	OPTION_AT,
	OPTION_UNSET,
	REPORTED_OPTIONS_END
};

/* Entries of a command's table for options_read(): those of a log and those of an attempt. */
/* clang-format off */
#define LOG_OPTIONS                                                                                \
	CONDITION_OPTIONS,                                                                         \
	{"outcome", required_argument, NULL, OPTION_OUTCOME},                                      \
	{"host", required_argument, NULL, OPTION_HOST},                                            \
	{"host-os", required_argument, NULL, OPTION_HOST_OS},                                      \
	{"tool", required_argument, NULL, OPTION_TOOL},                                            \
	{"action", required_argument, NULL, OPTION_ACTION},                                        \
	{"firmware", required_argument, NULL, OPTION_FIRMWARE},                                    \
	{"model", required_argument, NULL, OPTION_MODEL},                                          \
	{"port", required_argument, NULL, OPTION_PORT},                                            \
	{"ticket", required_argument, NULL, OPTION_TICKET}
#define ATTEMPT_OPTIONS                                                                            \
	LOG_OPTIONS,                                                                               \
	{"error", required_argument, NULL, OPTION_ERROR},                                          \
	{"operation", required_argument, NULL, OPTION_OPERATION},                                  \
	{"stage", required_argument, NULL, OPTION_STAGE},                                          \
	{"entry", required_argument, NULL, OPTION_ENTRY},                                          \
	{"at", required_argument, NULL, OPTION_AT}
#define UNSET_OPTION {"unset", required_argument, NULL, OPTION_UNSET}
/* clang-format on */

struct reported {
	struct {
		char key[CONDITION_KEY_SIZE];
		char text[DETAIL_SIZE]; /* empty = taken back */
	} details[REPORTED_MAX];
	size_t count;
};

/* Reads one of these options, a condition included. Returns EXIT_DONE, EXIT_USAGE after reporting
 * the error, or -1 if `option` is another option. */
int reported_read(struct reported *reported, int option, const char *value);
/* Adds a detail, or replaces its text. `option` is its name for people. Returns EXIT_DONE, or
 * EXIT_USAGE after reporting the error. */
int reported_set(struct reported *reported, const char *option, const char *key, const char *text);
/* The text of a detail; NULL = not reported. */
const char *reported_text(const struct reported *reported, const char *key);
/* Sets them in a new attempt. Returns EXIT_DONE, or EXIT_USAGE after reporting the error. */
int reported_apply(
	const struct reported *reported, struct attempt *attempt, struct identity *identity);
/* Corrects a session with them. Returns EXIT_DONE with the reply of AmendAttempt, which belongs to
 * the caller, or an exit code after reporting the error. */
int reported_amend(struct context *context, struct connection *connection, const char *session,
	const struct reported *reported, struct json_object **ret);
/* The same for a session as typed, and shows what has changed. */
int reported_correct(struct context *context, const struct reported *reported, const char *session);
/* The user's name, for a record of who corrects something; NULL if unknown. */
const char *reported_by(void);
