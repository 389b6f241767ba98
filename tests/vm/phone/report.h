/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the phone tells of itself: one line on standard output for each thing that happened to it,
 * with the monotonic time in seconds, and the same text to one listener. */
/* It decides nothing; the texts are those that a scenario can wait for (scenario.h). */
#pragma once

#include "common/base/macro.h"

#define REPORT_MAXIMUM_BYTES 512

struct report {
	void (*listener)(void *context, const char *text); /* NULL: nobody listens */
	void *context;
};

/* Prints and passes on one text; longer ones are cut. Control characters from the host become
 * question marks. */
void report(const struct report *to, const char *format, ...) PRINTF_LIKE(2, 3);
