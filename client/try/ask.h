/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an experiment asks a person: whether the change is made, how a cable is labelled, how a
 * restore on another computer ended. Without a terminal it refuses and names the option. */
#pragma once

#include "client/try/trial.h"

enum answer {
	ANSWER_DONE,
	ANSWER_STOP,	/* by q, n or Ctrl-C */
	ANSWER_FAILURE, /* reported */
};

/* Waits for the change, or asks whether it is made. */
enum answer ask_change(struct trial *trial);
/* Asks for the labels that the next attempt needs. */
enum answer ask_labels(struct trial *trial);
/* Asks for what replaces a word of the command, and changes it. */
enum answer ask_command(struct trial *trial);
/* Asks how an attempt ended that the daemon does not see, and builds the call of `attempt`. */
enum answer ask_result(struct trial *trial);
