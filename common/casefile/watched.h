/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds the log, link events and kernel lines of an attempt through the parsers and the session
 * machine, as if watched live. Private to casefile. */
#pragma once

#include <json-c/json.h>

#include "common/model/session.h"

/* Folds the records of `object`, an attempt of a case file, into `attempt`, and calls `record`,
 * which may be NULL, with each event. */
void watched_fold(struct attempt *attempt, const struct json_object *object,
	session_recorder *record, void *user);
