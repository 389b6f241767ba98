/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What identifies a phone in all of its modes. Does not look for phones. */
#pragma once

#include "common/model/event.h"

/* What identifies a phone. ecid 0 and empty texts are not known. */
struct identity {
	uint64_t ecid;
	char udid[UDID_SIZE];
	char product[NAME_SIZE];
	char board[NAME_SIZE];
};

/* True where a key is known, not the model alone. */
bool identity_is_known(const struct identity *identity);
/* True where both are the same phone: one key is known on both sides and equal. */
bool identity_matches(const struct identity *a, const struct identity *b);
/* Takes over what `from` knows and `to` does not. */
void identity_merge(struct identity *to, const struct identity *from);

/* What an event tells of the phone that it is about. */
struct identity event_identity(const struct event *event);
