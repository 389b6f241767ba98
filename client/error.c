/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "common/base/text.h"

#define SENTENCE_BYTES 1024

void report_error(const char *format, ...)
{
	char text[SENTENCE_BYTES], clean[SENTENCE_BYTES];
	struct layout layout;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(text, strlen(text), clean, sizeof(clean));
	layout_init(&layout, stderr, 0, true);
	/* Scripts read line by line. */
	if (!layout.terminal)
		layout.width = INT_MAX;
	layout_put(&layout, "idevicetriage: %s", clean);
	layout_line(&layout, 0);
}

int report_no_memory(void)
{
	report_error("Out of memory.");
	return EXIT_REFUSED;
}
