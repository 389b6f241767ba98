/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the figures of a run with a file of limits (floors). It counts nothing itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/accuracy/score.h"

/* Prints each figure beside its limit. A line of the file is "NAME at-least N" or "NAME at-most N";
 * # begins a comment. Returns true where every figure has a limit and is within it. */
bool floors_hold(const char *path, const struct figure *figures, size_t count);
