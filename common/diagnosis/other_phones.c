/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/other_phones.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/factor_values.h"

#define PHONES_LEAST 2 /* minimum number of other phones that failed in the same place */

typedef bool same_place(const struct whereabouts *a, const struct whereabouts *b);

static bool same_text(const char *a, const char *b)
{
	return a && b && *a && text_equal(a, b);
}

static bool same_host(const struct whereabouts *a, const struct whereabouts *b)
{
	if (a->host_id && b->host_id && *a->host_id && *b->host_id)
		return text_equal(a->host_id, b->host_id);
	return same_text(a->host, b->host);
}

static bool same_port(const struct whereabouts *a, const struct whereabouts *b)
{
	return same_host(a, b) && same_text(a->port, b->port);
}

/* Cables move between computers: the label identifies the cable. */
static bool same_cable(const struct whereabouts *a, const struct whereabouts *b)
{
	return same_text(a->cable, b->cable);
}

/* From the narrowest place to the widest: the narrowest match is blamed. */
static const struct {
	same_place *same;
	const char *word;
} places[] = {
	{same_cable, "other-phones-fail-with-cable"},
	{same_port, "other-phones-fail-on-port"},
	{same_host, "other-phones-fail-here"},
};

/* A phone that only had to start used no cable, port or computer. */
static bool was_nowhere(const struct attempt *attempt)
{
	return only_starts(attempt);
}

struct whereabouts attempt_whereabouts(const struct attempt *attempt)
{
	if (was_nowhere(attempt))
		return (struct whereabouts){.outcome = attempt->outcome};
	return (struct whereabouts){
		.host = attempt->host,
		.host_id = attempt->host_id,
		.port = attempt->port,
		.cable = attempt_condition(attempt, "cable"),
		.outcome = attempt->outcome,
	};
}

void other_phones_begin(struct other_phones *across, struct triage_case *c)
{
	across->c = c;
	across->last = NULL;
	across->count = 0;
	for (size_t i = 0; i < c->attempt_count; i++)
		if (c->attempts[i]->outcome == OUTCOME_FAILED && !was_nowhere(c->attempts[i]))
			across->last = c->attempts[i];
}

/* NULL if there are too many. */
static struct across_phone *find_phone(struct other_phones *across, const struct identity *identity)
{
	struct across_phone *phone = across->phones;

	for (; phone < across->phones + across->count; phone++)
		if (identity_matches(&phone->identity, identity))
			return phone;
	if (across->count == ACROSS_PHONES_MAX)
		return NULL;
	across->count++;
	*phone = (struct across_phone){.identity = *identity};
	return phone;
}

static void take_of(
	struct other_phones *across, struct across_phone *phone, const struct whereabouts *where)
{
	const struct whereabouts here = attempt_whereabouts(across->last);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!places[i].same(&here, where))
			continue;
		if (where->outcome == OUTCOME_SUCCEEDED)
			phone->restored |= 1u << i;
		else if (where->outcome == OUTCOME_FAILED)
			phone->failed |= 1u << i;
	}
}

/* Whether an attempt was in any of the places, so that its phone is relevant. */
static bool is_near(const struct other_phones *across, const struct whereabouts *where)
{
	const struct whereabouts here = attempt_whereabouts(across->last);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].same(&here, where))
			return true;
	return false;
}

void other_phones_take(struct other_phones *across, const struct identity *identity,
	const struct whereabouts *where)
{
	struct across_phone *phone;

	if (!across->last || !(identity->ecid || identity->udid[0]) ||
		identity_matches(identity, &across->c->identity) || !is_near(across, where))
		return;
	phone = find_phone(across, identity);
	if (!phone)
		return;
	identity_merge(&phone->identity, identity);
	take_of(across, phone, where);
}

static bool others_fail(const struct other_phones *across, size_t place)
{
	size_t failed = 0, restored = 0;

	for (size_t i = 0; i < across->count; i++) {
		restored += across->phones[i].restored >> place & 1;
		failed += across->phones[i].failed >> place & ~across->phones[i].restored >> place &
			  1;
	}
	return failed >= PHONES_LEAST && failed > restored;
}

/* The ECID and the UDID of one phone may have been seen apart, before an attempt with both: then it
 * has two rows; or it is the phone of the case. */
static void join_rows(struct other_phones *across)
{
	size_t kept = 0;

	for (size_t i = 0; i < across->count; i++) {
		const struct across_phone phone = across->phones[i];
		size_t same = 0;

		if (identity_matches(&phone.identity, &across->c->identity))
			continue;
		while (same < kept &&
			!identity_matches(&phone.identity, &across->phones[same].identity))
			same++;
		if (same == kept)
			across->phones[kept++] = (struct across_phone){.identity = phone.identity};
		identity_merge(&across->phones[same].identity, &phone.identity);
		across->phones[same].failed |= phone.failed;
		across->phones[same].restored |= phone.restored;
	}
	across->count = kept;
}

void other_phones_end(struct other_phones *across)
{
	if (across->last)
		join_rows(across);
	for (size_t i = 0; across->last && i < ARRAY_SIZE(places); i++) {
		if (!others_fail(across, i))
			continue;
		triage_case_add_history(across->c, places[i].word);
		return;
	}
}
