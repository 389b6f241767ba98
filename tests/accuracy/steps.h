/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares next steps with those that people wrote by hand. Chooses none itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/accuracy/score.h"

/* Reads lines "CASE: EXPERIMENT ...; reason" and sets step_label of each scored case that has one.
 * Prints and returns false if a line is none, or names no case or no experiment. */
bool steps_read(const char *path, struct scored *cases, size_t count);
/* Prints the cases whose next step is none of the label's. */
void steps_print_missed(const struct scored *cases, size_t count);
