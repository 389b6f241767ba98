/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people report of an attempt, as a key and a text: the outcome, the computer, the tool and so
 * on; any other key is a condition. The same for a new attempt and for the correction of one. */
#pragma once

#include "common/model/attempt.h"
#include "common/model/identity.h"

#define DETAIL_SIZE 256 /* bytes of the longest text with the NUL */

/* Sets a detail; the empty text takes it back. A correction of the model needs the identity; NULL =
 * leave it. Returns 0, -EINVAL for a text that the key does not take, or -ENOSPC for one condition
 * too many; then nothing has changed. */
int detail_set(struct attempt *attempt, struct identity *identity, const char *key,
	const char *text, uint64_t sequence);
/* The present text; empty if there is none. */
void detail_get(const struct attempt *attempt, const struct identity *identity, const char *key,
	char text[static DETAIL_SIZE]);
/* Whether the key takes this text. */
bool detail_takes(const char *key, const char *text);
/* The texts that the key takes, for people; NULL = any that fits. */
const char *detail_wants(const char *key);
/* Whether this may be the key of a detail: a lower-case letter, then letters and digits. */
bool detail_is_key(const char *key);
/* Whether the key names a condition and not something that every attempt has. */
bool detail_is_condition(const char *key);
