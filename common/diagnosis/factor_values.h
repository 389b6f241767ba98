/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of factors in an attempt: what was reported, or what the attempt itself knows.
 * Compares two values; explains nothing. */
#pragma once

#include "common/diagnosis/case_analysis.h"

#define FACTOR_VALUE_SIZE 64
#define FACTOR_VALUE_USUAL 1 /* of a factor that nobody spoke of and that has a usual value */

/* Fills view->factors and the values of its attempts. */
void factor_values_read(struct case_analysis *view);
/* The state of a part in an attempt as it was reported, or "disconnected" or "known-good" where
 * a minimal boot implies it; NULL where nobody spoke of it. */
const char *factor_state(const struct attempt_view *a, const struct factor *factor);
/* What is known under one of the names that a factor reads; NULL or empty = nothing. It may be in
 * `buffer`. */
const char *factor_text(
	const struct attempt *attempt, const char *name, char buffer[static FACTOR_VALUE_SIZE]);
bool factor_is_known(const struct attempt_view *a, size_t factor);
/* Whether one of its values is known of both and not the same. */
bool factor_differs(const struct attempt_view *a, const struct attempt_view *b, size_t factor);
/* Whether it was only tried to start the phone: that is no kind of restore. */
bool only_starts(const struct attempt *attempt);
/* Whether only the parts of a minimal boot were connected. */
bool only_minimal(const struct attempt *attempt);
