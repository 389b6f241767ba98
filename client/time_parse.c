/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/time_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

static bool matches(const char *text, const char *format, struct tm *parts)
{
	const char *rest = strptime(text, format, parts);

	return rest && !*rest;
}

static int to_us(struct tm *parts, int64_t *ret)
{
	time_t seconds;

	parts->tm_isdst = -1;
	seconds = mktime(parts);
	if (seconds <= 0)
		return -EINVAL;
	*ret = (int64_t)seconds * (int64_t)USEC_PER_SEC;
	return 0;
}

/* A time of day: today, or yesterday if it would be in the future. */
static int read_time_of_day(const char *text, int64_t now_us, int64_t *ret)
{
	time_t now = (time_t)(now_us / (int64_t)USEC_PER_SEC);
	struct tm parts;
	int r;

	localtime_r(&now, &parts);
	parts.tm_sec = 0;
	if (!matches(text, "%H:%M", &parts) && !matches(text, "%H:%M:%S", &parts))
		return -EINVAL;
	r = to_us(&parts, ret);
	if (r == 0 && *ret > now_us) {
		parts.tm_mday--;
		r = to_us(&parts, ret);
	}
	return r;
}

int moment_read(const char *text, int64_t now_us, int64_t *ret)
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm parts = {0};

		if (matches(text, formats[i], &parts))
			return to_us(&parts, ret);
	}
	return read_time_of_day(text, now_us, ret);
}
