/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One experiment with a phone: the labels of its next attempt, the command that makes it, and what
 * it has shown. Its state is the daemon's: sessions and conditions. */
#pragma once

#include "client/reported.h"
#include "client/try/last_command.h"

#define TRIAL_ARGUMENTS_MAX (COMMAND_WORDS_MAX + 2 * REPORTED_MAX + 16)

struct trial {
	struct context *context;
	struct connection *connection;
	const struct experiment *experiment;
	struct experiment step;	    /* a step that the knowledge has no experiment for */
	struct json_object *before; /* Diagnose's reply; owned */
	struct json_object *last; /* the attempt that the next one is compared with; NULL = none */
	char device[128];	  /* as the daemon accepts it */
	bool live;		  /* a person is at the terminal */
	bool yes;		  /* what cannot be seen is done */
	struct reported standing; /* conditions that the phone has from now on */
	struct reported passed;	  /* those of the next attempt alone */
	struct last_command command;
	char *arguments[TRIAL_ARGUMENTS_MAX]; /* of this program, from the command's name on */
	size_t argument_count;
};

/* Finds the last attempt and its command. Returns EXIT_DONE, or an exit code after reporting the
 * error. */
int trial_find(struct trial *trial);
void trial_done(struct trial *trial);
/* Gives the next attempt a condition: a part's state stays with the phone. */
int trial_label(struct trial *trial, const char *key, const char *value);
/* The condition that it has so far; NULL = none. */
const char *trial_label_of(const struct trial *trial, const char *key);
/* A label that no attempt of the phone has for this factor, as a suggestion. */
const char *trial_free_label(const struct trial *trial, const char *key, char ret[static 2]);
/* Gives the next attempt the conditions that are not set yet: the states of the phone's parts in
 * the last attempt, and the others of the attempt whose command it repeats. Sets those of the
 * phone. */
int trial_set_conditions(struct trial *trial);
/* Adds a word, or the option of a condition, to the call. */
void trial_add(struct trial *trial, const char *word);
void trial_add_condition(struct trial *trial, const char *key, const char *value);
/* Adds the newest ticket of the phone. */
void trial_add_ticket(struct trial *trial);
/* Builds the call of `run` with the command; without a command nothing. */
void trial_build_run(struct trial *trial);
/* The call as a line for a shell; the caller frees it. NULL when out of memory. */
char *trial_line(const struct trial *trial);
/* Makes the call and waits for its end; the daemon has its outcome. */
void trial_start(struct trial *trial);
/* Says what the attempt has shown: the verdict before and after it, and what is new for and against
 * the causes that the experiment tests. `after` is Diagnose's reply after the attempt. Returns
 * false if the daemon knows no attempt that is new. */
bool outcome_say(const struct trial *trial, struct json_object *after);
