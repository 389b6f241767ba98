/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cases made by hand for tests of the diagnosis. */
#pragma once

#include "common/base/text.h"
#include "common/model/case.h"

/* A case of one phone that the caller frees with triage_case_free(). */
static inline struct triage_case *case_of(const char *product)
{
	struct triage_case *c = triage_case_new();

	if (c)
		text_copy(c->identity.product, sizeof(c->identity.product), product);
	return c;
}

/* Adds an attempt on `host` with `cable`; NULL = not known. */
static inline struct attempt *add_attempt(
	struct triage_case *c, const char *host, const char *cable, enum outcome outcome)
{
	struct attempt *attempt = triage_case_add(c);

	if (host)
		text_copy(attempt->host, sizeof(attempt->host), host);
	if (cable)
		attempt_set_condition(attempt, "cable", cable, c->attempt_count * 10);
	attempt->outcome = outcome;
	attempt->ended_seen = true;
	attempt->end_sequence = c->attempt_count * 10 + 1;
	return attempt;
}

/* A failure as iTunes would call 4013: it came back in recovery with a good link. */
static inline struct attempt *add_4013(struct triage_case *c, const char *host, const char *cable)
{
	struct attempt *attempt = add_attempt(c, host, cable, OUTCOME_FAILED);

	attempt->itunes_code = 4013;
	/* A person read the number: it is known that a tool ran. */
	text_copy(attempt->errors[0].domain, sizeof(attempt->errors[0].domain), "itunes");
	attempt->errors[0].code = 4013;
	attempt->error_count = 1;
	attempt->stage = STAGE_BOOT_RAMDISK;
	attempt->came_back = MODE_RECOVERY;
	attempt->health.grade = HEALTH_GOOD;
	return attempt;
}

static inline struct attempt *add_success(
	struct triage_case *c, const char *host, const char *cable)
{
	return add_attempt(c, host, cable, OUTCOME_SUCCEEDED);
}

static inline void set_flex(struct attempt *attempt, const char *value)
{
	attempt_set_condition(attempt, "earpieceFlex", value, attempt->end_sequence);
}
