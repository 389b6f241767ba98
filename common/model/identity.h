/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The identity of a phone in all its modes. Does not search for phones. */
#pragma once

#include "common/model/event.h"

/* The identity of a phone. ecid 0 and empty texts are unknown. */
struct identity {
	uint64_t ecid;
	char udid[UDID_SIZE];
	char product[NAME_SIZE];
	char board[NAME_SIZE];
};

/* True if a key is known, not only the model. */
bool identity_is_known(const struct identity *identity);
/* True if both are the same phone: one key is known on both sides and equal. */
bool identity_matches(const struct identity *a, const struct identity *b);
/* True if the text contains the ECID (hexadecimal or decimal) or the UDID (with or without its
 * dash), in upper or lower case. */
bool identity_is_named(const struct identity *identity, const char *text);
/* Copies the fields that are known in `from` and unknown in `to`. */
void identity_merge(struct identity *to, const struct identity *from);

/* Copies likewise what an event says of the phone. A correction of its model replaces it. */
void identity_fold(struct identity *to, const struct event *event);

/* The identity of the phone in an event. */
struct identity event_identity(const struct event *event);
