/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a series of checks found, as JSON for output->doctor. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "common/wire/json.h"

/* From best to worst, except FINDING_UNKNOWN: could not be checked. */
enum finding_result {
	FINDING_OK,
	FINDING_UNKNOWN,
	FINDING_WARNING,
	FINDING_PROBLEM,
	FINDING_RESULTS
};

/* Initialise with {0}. */
struct findings {
	struct json_builder builder;
	struct json_object *list;
	size_t counts[FINDING_RESULTS];
};

/* Adds a finding of the check `id` (for scripts, must never change), which is `title` for people.
 * `advice` (NULL = none) is the remedy. */
void findings_add(struct findings *findings, const char *id, const char *title,
	enum finding_result result, const char *advice, const char *format, va_list arguments)
	PRINTF_LIKE(6, 0);
/* Returns {"checks": [...], "problems": N, "warnings": N, "notCheckable": N}, which is the
 * caller's, or NULL when out of memory. */
struct json_object *findings_finish(struct findings *findings);
