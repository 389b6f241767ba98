/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A phone that works again: since which attempt, and what differs from the last failure. Names no
 * cause. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/diagnosis/case_analysis.h"
#include "common/diagnosis/verdict.h"

struct cure {
	const struct attempt_view *since; /* the first success after the last failure */
	const struct attempt_view *last;  /* the newest success */
	size_t successes;
	bool parts_off;			/* it works with parts of the phone disconnected */
	bool parts_replaced;		/* that can be put back: nothing on the board */
	bool board_on_trial;		/* it works with a known-good part of the board */
	struct works_since works_since; /* its text */
};

/* Whether the phone works again: after the last failure came successes, and nothing whose end is
 * not known. Fills *ret where it does. */
bool cure_find(const struct case_analysis *view, struct cure *ret);
/* Puts before a summary since when it works. */
void cure_summarize(const struct case_analysis *view, struct verdict *verdict);
