/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "common/base/text.h"

#define SENTENCE_BYTES 1024

void complain(const char *format, ...)
{
	char text[SENTENCE_BYTES], clean[SENTENCE_BYTES];
	struct page page;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(text, strlen(text), clean, sizeof(clean));
	page_init(&page, stderr, 0, true);
	/* A script reads lines. */
	if (!page.terminal)
		page.width = INT_MAX;
	page_put(&page, "idevicetriage: %s", clean);
	page_line(&page, 0);
}

int say_no_memory(void)
{
	complain("Out of memory.");
	return EXIT_REFUSED;
}
