/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static void blank_control_characters(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

void report(const struct report *to, const char *format, ...)
{
	char text[REPORT_MAXIMUM_BYTES];
	struct timespec now;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	blank_control_characters(text);

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("[%5lld.%06ld] %s\n", (long long)now.tv_sec, now.tv_nsec / 1000, text);
	fflush(stdout);
	if (to->listener)
		to->listener(to->context, text);
}
