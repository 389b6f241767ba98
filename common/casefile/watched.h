/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An attempt's log, link events and kernel lines as if they were watched live: they go through the
 * parsers and the session machine. Private to casefile. */
#pragma once

#include <json-c/json.h>

#include "common/triage/attempt.h"

/* Folds what `object`, an attempt of a case file, recorded into `attempt`. */
void watched_fold(struct attempt *attempt, const struct json_object *object);
