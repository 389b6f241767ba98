/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts how often an attempt occurs in one file. It stores identifiers, not attempts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

/* Initialise with {0}. */
struct made {
	struct made_entry {
		struct uuid id; /* none = free */
		uint64_t times;
	} * entries; /* owned; a hash table, indexed by the id's first bytes */
	size_t size; /* a power of two */
	size_t count;
};

void made_done(struct made *made);
/* How often `id` was counted. */
uint64_t made_times(const struct made *made, const struct uuid *id);
/* Counts `id`, which is not none. Returns the number of earlier occurrences, or -ENOMEM. */
int64_t made_count(struct made *made, const struct uuid *id);
