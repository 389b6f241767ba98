/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences of a verdict: fills the {words} of the knowledge files from a case. */
#pragma once

#include <stddef.h>

#include "common/diagnosis/case_analysis.h"

/* Writes `template` with its {words} filled into `out` (at most `size` bytes with the NUL). `about`
 * is the subject; NULL = the last failure. `changed` are the factors of {change}, as bits. An
 * unknown value becomes a general word. */
void wording_fill(const struct case_analysis *view, const struct attempt_view *about,
	uint64_t changed, const char *template, char *out, size_t size);
