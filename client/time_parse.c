/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/time_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

#define AGE_DIGITS_MAX 5

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

/* `today` and `yesterday`: their start. */
static int read_day(const char *text, int64_t now_us, int64_t *ret)
{
	time_t now = (time_t)(now_us / (int64_t)USEC_PER_SEC);
	struct tm parts;

	if (strcmp(text, "today") != 0 && strcmp(text, "yesterday") != 0)
		return -EINVAL;
	localtime_r(&now, &parts);
	parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
	parts.tm_mday -= *text == 'y';
	return to_us(&parts, ret);
}

/* `90min ago`, `2 h ago`, `3d`: so long before `now_us`. */
static int read_age(const char *text, int64_t now_us, int64_t *ret)
{
	static const struct {
		const char *word;
		int64_t seconds;
	} units[] = {{"min", 60}, {"m", 60}, {"h", 3600}, {"d", 24 * 3600}, {"w", 7 * 24 * 3600}};
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits + strspn(text + digits, " ");
	size_t length = strcspn(unit, " ");

	if (digits == 0 || digits > AGE_DIGITS_MAX ||
		(unit[length] && strcmp(unit + length, " ago") != 0))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strlen(units[i].word) == length && strncmp(unit, units[i].word, length) == 0) {
			*ret = now_us -
			       strtol(text, NULL, 10) * units[i].seconds * (int64_t)USEC_PER_SEC;
			return *ret > 0 ? 0 : -EINVAL;
		}
	return -EINVAL;
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
	if (read_day(text, now_us, ret) == 0 || read_age(text, now_us, ret) == 0)
		return 0;
	return read_time_of_day(text, now_us, ret);
}
