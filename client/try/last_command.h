/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of a past attempt, for the next one. It starts nothing. */
#pragma once

#include "client/rpc.h"
#include "common/diagnosis/knowledge.h"

#define COMMAND_WORDS_MAX 512
#define COMMAND_WORD_SIZE 1024

struct last_command {
	char *line;			     /* has the words; owned */
	char *words[COMMAND_WORDS_MAX + 1];  /* after them NULL */
	size_t count;			     /* 0 = not known */
	struct json_object *session;	     /* whose command it is; borrowed */
	char replacement[COMMAND_WORD_SIZE]; /* of one word */
};

/* Finds the command of the newest of these sessions that ran under `run` on this computer; with
 * `worked`, of the newest success. Returns EXIT_DONE, or an exit code after reporting the error. */
int last_command_find(struct context *context, struct connection *connection,
	struct json_object *sessions, bool worked, struct last_command *ret);
void last_command_done(struct last_command *command);
/* The word that such a change replaces: the tool, or the firmware file. NULL = there is none. */
char **last_command_word(struct last_command *command, enum command_change change);
/* Removes the option for an erase, or adds the one for debug output (knowledge/tools.txt). Returns
 * false if the command has none, or the tool is not known. */
bool last_command_change(struct last_command *command, enum command_change change);
