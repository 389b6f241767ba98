/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define LINE_BYTES 1024

static enum log_level most = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_write(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[LINE_BYTES], clean[LINE_BYTES];
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_clean(line, strlen(line), clean, sizeof(clean));
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, clean);
	else
		fprintf(stderr, "<%d>%s\n", (int)level, clean);
	errno = saved;
}
