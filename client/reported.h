/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command line reports of an attempt (common/model/detail.h): of a new one, or as
 * corrections of a past one. */
#pragma once

#include "client/conditions.h"
#include "client/rpc.h"
#include "common/model/detail.h"

#define REPORTED_MAX 48 /* details in one command */

/* The numbers of these options; a command's own start at OPTION_OWN. */
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
	OPTION_UNSET
};

/* Entries of a command's table for options_read(): those of a log and those of an attempt. */
/* clang-format off */
#define LOG_OPTIONS                                                                                \
	CONDITION_OPTIONS,                                                                         \
	{"outcome", OPTION_OUTCOME, "OUTCOME", "how it ended", COMPLETE_WORDS,                     \
		"succeeded failed aborted not-started ended-unknown"},                             \
	{"host", OPTION_HOST, "NAME", "the computer"},                                             \
	{"host-os", OPTION_HOST_OS, "SYSTEM", "linux, macos or windows", COMPLETE_WORDS,           \
		"linux macos windows"},                                                            \
	{"tool", OPTION_TOOL, "NAME", "the restore tool, with its version"},                       \
	{"action", OPTION_ACTION, "ACTION", "update, erase, or boot (only tried to start it)",     \
		COMPLETE_WORDS, "update erase boot"},                                              \
	{"firmware", OPTION_FIRMWARE, "VERSION", "the firmware"},                                  \
	{"model", OPTION_MODEL, "PRODUCT", "the product type, such as iPhone12,3"},                \
	{"port", OPTION_PORT, "PORT", "the USB port", COMPLETE_PORT},                              \
	{"ticket", OPTION_TICKET, "TICKET", "the ticket number of the shop", COMPLETE_TICKET}
#define ATTEMPT_OPTIONS                                                                            \
	LOG_OPTIONS,                                                                               \
	{"error", OPTION_ERROR, "CODE", "the number shown by iTunes, or amr:NUMBER"},              \
	{"operation", OPTION_OPERATION, "STEP", "how far it got: the number or name of a step"},   \
	{"stage", OPTION_STAGE, "STAGE", "how far it got", COMPLETE_WORDS,                         \
		"dfu recovery boot-ramdisk restore reboot normal"},                                \
	{"entry", OPTION_ENTRY, "MODE", "the mode at the start", COMPLETE_WORDS,                   \
		"normal recovery dfu restore"},                                                    \
	{"at", OPTION_AT, "TIME", "when it began: 14:05, or a day and a time"}
#define UNSET_OPTION(help) {"unset", OPTION_UNSET, "KEY", help, COMPLETE_KEY}
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
/* Asks about a port that is nearly the name of one here; one of another computer may be any label.
 * Returns EXIT_DONE, or the exit code of a failed call. */
int reported_check_port(
	struct context *context, struct connection *connection, const struct reported *reported);
/* Sets them in a new attempt. Returns EXIT_DONE, or EXIT_USAGE after reporting the error. */
int reported_apply(
	const struct reported *reported, struct attempt *attempt, struct identity *identity);
/* Corrects a session with them. Returns EXIT_DONE with the reply of AmendAttempt, which belongs to
 * the caller, or an exit code after reporting the error. */
int reported_amend(struct context *context, struct connection *connection, const char *session,
	const struct reported *reported, struct json_object **ret);
/* Refuses a key that the daemon takes neither for a port nor in a correction; `run` records any.
 * Returns EXIT_DONE, or EXIT_USAGE after reporting the error. */
int reported_check_keys(const struct reported *reported);
/* Whether it takes back a condition that only a person can have named: without a place that has it,
 * the key is a typo. */
bool reported_unsets_own(const struct reported *reported);
/* Refuses such a key that is not among the conditions of `where`, of a Session or a Place. Returns
 * EXIT_DONE, or EXIT_USAGE after reporting the error. */
int reported_check_unset(
	const struct reported *reported, struct json_object *conditions, const char *where);
/* The same as reported_amend() for a session as typed, and shows what has changed. */
int reported_correct(struct context *context, const struct reported *reported, const char *session);
/* The user's name, for a record of who corrects something; NULL if unknown. */
const char *reported_by(void);
