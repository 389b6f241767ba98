/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of logs that are known to mean something, or to mean nothing. The table is made from
 * knowledge/signs.txt; what a sign says about a cause stands in the rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sign {
	const char *id;
	const char *text;  /* a line with this in it shows the sign */
	bool noise;	   /* it occurs in good restores: never evidence */
	const char *means; /* one sentence */
	const char *source;
};

/* The first sign whose text stands in the line; NULL when there is none. */
const struct sign *sign_find(const char *line, size_t length);
/* The sign of that id, for its meaning. */
const struct sign *sign_by_id(const char *id);
