/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses times as people write them, in local time. It supports no ranges
 * and no time zones. */
#pragma once

#include <stdint.h>

/* Reads `2026-01-31 14:05`, with or without seconds or a T between, `2026-01-31` (its start),
 * `14:05` (the last one before `now_us`), `today`, `yesterday`, or an age such as `90 min ago`,
 * `2h` or `3d ago`. Returns 0 with *ret in microseconds since 1970, or -EINVAL. */
int moment_read(const char *text, int64_t now_us, int64_t *ret);
