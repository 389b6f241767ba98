/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time that each wait of a restore may last before it is reported as a silence, from
 * knowledge/budgets.txt. The session machine measures the waits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whose silence an overrun is. Only the phone's says something of the link. */
enum silence_of { SILENCE_OF_PHONE, SILENCE_OF_TOOL, SILENCE_OF_SERVER };

struct budget {
	const char *name;
	uint32_t seconds;
	const char *meaning; /* what the restore waited for, as a clause */
	const char *source;
	enum silence_of of;
};

/* The budget with that name; NULL if there is none. */
const struct budget *budget_find(const char *name);
