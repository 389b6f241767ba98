/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts how often the same attempt has come in one file. Keeps identifiers, not attempts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

/* Begins with {0}. */
struct made {
	struct made_entry {
		struct uuid id; /* none = free */
		uint64_t times;
	} * entries; /* owned; a table with gaps, found by the id's first bytes */
	size_t size; /* a power of two */
	size_t count;
};

void made_done(struct made *made);
/* Counts `id`, which is not none. Returns how often it had come before, or -ENOMEM. */
int64_t made_count(struct made *made, const struct uuid *id);
