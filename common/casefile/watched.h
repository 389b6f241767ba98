/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An attempt's log, link events and kernel lines as if they were watched live: they go through the
 * parsers and the session machine. Private to casefile. */
#pragma once

#include <json-c/json.h>

#include "common/model/session.h"

/* Folds what `object`, an attempt of a case file, recorded into `attempt`, and hands each event on
 * to `record`, which may be NULL. */
void watched_fold(struct attempt *attempt, const struct json_object *object,
	session_recorder *record, void *user);
