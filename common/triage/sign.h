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

/* All of them, in the order of precedence; several rows may have one id. */
const struct sign *sign_all(size_t *ret_count);
