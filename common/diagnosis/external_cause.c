/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/external_cause.h"

#include <stddef.h>

#include "common/base/macro.h"

/* The restore system waits about 120 s for a computer; one that panics is gone within 60. */
#define OVERLOOKED_US (UINT64_C(100) * 1000 * 1000)
#define MODEM_OR_SERVER 1013 /* as iTunes shows it: the number does not tell which */

struct range {
	int64_t first, last;
};

/* Signing and the way to it. */
static const struct range server_codes[] = {
	{3000, 3999}, {9006, 9006}, {9800, 9849}, {-9849, -9800}};
/* Files that are missing, damaged or too old, and messages that one side does not understand. */
static const struct range file_codes[] = {{4, 4}, {10, 12}, {15, 17}, {19, 20}, {22, 22}};

static const char *const outside_signs[] = {"signing-refused", "signing-failed", "network",
	"answer-lacking", "old-tool", "firmware-file", "tool-unusable", "usb-permission"};

static bool in_ranges(const struct range *ranges, size_t count, int64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	return false;
}

bool outside_is_server(int64_t code, int64_t phone_code)
{
	return in_ranges(server_codes, ARRAY_SIZE(server_codes), code) ||
	       in_ranges(server_codes, ARRAY_SIZE(server_codes), phone_code);
}

bool outside_overlooked(const struct attempt *attempt)
{
	if (!attempt_sign(attempt, "no-restore-mode"))
		return false;
	for (size_t i = 0; i + 1 < attempt->mode_count; i++) {
		const struct seen_mode *mode = &attempt->modes[i];

		if (mode->mode == MODE_RESTORE &&
			attempt->modes[i + 1].monotonic_us >= mode->monotonic_us + OVERLOOKED_US)
			return true;
	}
	return false;
}

/* The tool did not find the phone, and nothing else tells where the phone was. */
static bool was_missed(const struct attempt *attempt)
{
	static const char *const signs[] = {
		"usbmuxd-not-running", "restored-unreachable", "no-device", "no-restore-mode"};

	if (attempt->came_back != MODE_UNKNOWN || attempt->health.grade != HEALTH_UNKNOWN)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (attempt_sign(attempt, signs[i]))
			return true;
	return false;
}

bool external_cause_ended(const struct attempt *attempt, int64_t code, int64_t phone_code)
{
	if (outside_is_server(code, phone_code) || code == MODEM_OR_SERVER ||
		in_ranges(file_codes, ARRAY_SIZE(file_codes), phone_code))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(outside_signs); i++)
		if (attempt_sign(attempt, outside_signs[i]))
			return true;
	/* Its parts did all of it: what failed came after. */
	if (attempt->status_known && attempt->status == 0)
		return true;
	return was_missed(attempt) || outside_overlooked(attempt);
}
