/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long each wait of a restore may last before it is told as a silence. Data with its sources;
 * the session machine does the waiting. */
#pragma once

#include <stdint.h>

struct budget {
	const char *name;
	uint32_t seconds;
	const char *meaning; /* one sentence: what was waited for */
	const char *source;
};

/* The budget of that name; NULL when there is none. */
const struct budget *budget_find(const char *name);
