/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time that each wait of a restore may last before it is reported as a silence, from
 * knowledge/budgets.txt. The session machine measures the waits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct budget {
	const char *name;
	uint32_t seconds;
	const char *meaning; /* what the restore waited for, as a clause */
	const char *source;
	bool of_tool; /* the tool is silent, not the phone: it says nothing of the link */
};

/* The budget with that name; NULL if there is none. */
const struct budget *budget_find(const char *name);
