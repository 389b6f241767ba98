/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/external_cause.h"

#include <stddef.h>

#include "common/base/macro.h"
#include "common/diagnosis/code.h"

/* The restore system waits for a computer for about 120 s; a panicking one leaves within 60. */
#define OVERLOOKED_US (UINT64_C(100) * 1000 * 1000)

static const enum says outside[] = {SAYS_SERVER, SAYS_FILE, SAYS_TOOL, SAYS_HOST, SAYS_USER};

static bool is_of_server(int64_t number)
{
	return code_says(NUMBERING_TSS, number) == SAYS_SERVER ||
	       code_says(NUMBERING_ITUNES, number) == SAYS_SERVER;
}

bool outside_is_server(int64_t code, int64_t phone_code)
{
	return is_of_server(code) || is_of_server(phone_code);
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

/* The tool did not find the phone, and no other source shows its mode. */
static bool was_missed(const struct attempt_view *a)
{
	return a->attempt->came_back == MODE_UNKNOWN &&
	       a->attempt->health.grade == HEALTH_UNKNOWN && attempt_says(a, SAYS_UNSEEN);
}

static bool says_outside(const struct attempt_view *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		if (attempt_says(a, outside[i]))
			return true;
	return attempt_server_silent(a->attempt);
}

bool external_cause_off_link(const struct attempt_view *a)
{
	const struct attempt *attempt = a->attempt;

	return (says_outside(a) || attempt_tool_crashed(attempt)) &&
	       !attempt_says(a, SAYS_LINK_LOST) && !attempt->health.unexpected_detaches &&
	       attempt->came_back == MODE_UNKNOWN;
}

bool external_cause_ended(const struct attempt_view *a)
{
	const struct attempt *attempt = a->attempt;

	if (a->of_server || code_says(NUMBERING_AMR, a->code) == SAYS_SERVER_OR_PART ||
		code_says(NUMBERING_AMR, a->phone_code) == SAYS_SERVER_OR_PART ||
		code_says(NUMBERING_AMR, a->phone_code) == SAYS_FILE)
		return true;
	if (says_outside(a))
		return true;
	/* All its steps succeeded: the failure came later. */
	if (attempt->status_known && attempt->status == 0)
		return true;
	return was_missed(a) || outside_overlooked(attempt);
}
