/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines for the administrator on standard error, with the priority prefix that journald reads
 * (sd-daemon(3)) if standard error is not a terminal. Only the programs log; `common/` does not. */
#pragma once

#include <stdbool.h>

#include "common/base/macro.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* The most verbose level that is written. Default: INFO. */
void log_set_level(enum log_level level);
/* Writes one line; keeps errno. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
