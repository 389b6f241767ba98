/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long each wait of a restore may last before it is told as a silence, from
 * knowledge/budgets.txt; the session machine does the waiting. */
#pragma once

#include <stdint.h>

struct budget {
	const char *name;
	uint32_t seconds;
	const char *meaning; /* what was waited for, as half a sentence */
	const char *source;
};

/* The budget of that name; NULL when there is none. */
const struct budget *budget_find(const char *name);
