/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to a person at the terminal, answered by one key or one line. Ctrl-C answers "stop".
 * Between two questions the terminal is as it was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From now on, SIGINT, SIGTERM, SIGHUP and SIGQUIT only stop the questions, and SIGTSTP restores
 * the terminal while the program is stopped. */
void keys_begin(void);
/* Whether such a signal has come. */
bool keys_stopped(void);
/* Forgets a signal that was for a child. */
void keys_forget(void);
/* Lets single keys be read, without showing them, until keys_cooked(). */
void keys_raw(void);
void keys_cooked(void);
/* The key that was pressed, in lower case; 0 = none yet. */
int keys_pressed(void);
/* Waits for one of the keys in `wanted`. Returns it, or 'q' for q, Ctrl-C or the end of input. */
int keys_ask(const char *question, const char *wanted);
/* Reads a line into `ret`; an empty one is `otherwise`. Returns false to stop. */
bool keys_line(const char *question, const char *otherwise, char *ret, size_t size);
