/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/across.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"

#define PHONES_LEAST 2 /* others that must have failed in the same place */

typedef bool same_place(const struct attempt *a, const struct attempt *b);

static bool same_host(const struct attempt *a, const struct attempt *b)
{
	return a->host[0] && text_equal(a->host, b->host);
}

static bool same_port(const struct attempt *a, const struct attempt *b)
{
	return same_host(a, b) && a->port[0] && text_equal(a->port, b->port);
}

/* Cables wander between computers: the label is the cable. */
static bool same_cable(const struct attempt *a, const struct attempt *b)
{
	const char *x = attempt_condition(a, "cable"), *y = attempt_condition(b, "cable");

	return x && y && text_equal(x, y);
}

/* From the narrowest place to the widest: the narrowest that fits is blamed. */
static const struct {
	same_place *same;
	const char *word;
} places[] = {
	{same_cable, "other-phones-fail-with-cable"},
	{same_port, "other-phones-fail-on-port"},
	{same_host, "other-phones-fail-here"},
};

/* Whether the other phone had that outcome at the place. */
static bool had_outcome(const struct triage_case *other, const struct attempt *place,
	same_place *same, enum outcome outcome)
{
	for (size_t i = 0; i < other->attempt_count; i++)
		if (other->attempts[i]->outcome == outcome && same(place, other->attempts[i]))
			return true;
	return false;
}

static bool others_fail(const struct triage_case *c, const struct attempt *place, same_place *same,
	const struct triage_case *const *others, size_t count)
{
	size_t failed = 0, restored = 0;

	for (size_t i = 0; i < count; i++) {
		if (others[i] == c)
			continue;
		if (had_outcome(others[i], place, same, OUTCOME_SUCCEEDED))
			restored++;
		else if (had_outcome(others[i], place, same, OUTCOME_FAILED))
			failed++;
	}
	return failed >= PHONES_LEAST && failed > restored;
}

void across_mark(struct triage_case *c, const struct triage_case *const *others, size_t count)
{
	const struct attempt *last = NULL;

	for (size_t i = 0; i < c->attempt_count; i++)
		if (c->attempts[i]->outcome == OUTCOME_FAILED)
			last = c->attempts[i];
	for (size_t i = 0; last && i < ARRAY_SIZE(places); i++) {
		if (!others_fail(c, last, places[i].same, others, count))
			continue;
		triage_case_add_history(c, places[i].word);
		return;
	}
}

static bool is_known(const struct identity *identity)
{
	return identity->ecid || identity->udid[0];
}

/* Whether an earlier session of the bench is of the same phone. */
static bool seen_before(const struct bench *bench, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (identity_matches(&bench_session(bench, i)->identity,
			    &bench_session(bench, index)->identity))
			return true;
	return false;
}

int across_mark_bench(struct triage_case *c, const struct bench *bench)
{
	size_t sessions = bench_session_count(bench), count = 0;
	CLEANUP(freep) struct triage_case **others = calloc(sessions + 1, sizeof(*others));
	int r = 0;

	if (!others)
		return -ENOMEM;
	for (size_t i = 0; i < sessions && r == 0; i++) {
		const struct identity *identity = &bench_session(bench, i)->identity;

		if (!is_known(identity) || identity_matches(identity, &c->identity) ||
			seen_before(bench, i))
			continue;
		r = bench_case(bench, identity, &others[count]);
		count += r == 0;
	}
	if (r == 0)
		across_mark(c, (const struct triage_case *const *)others, count);
	for (size_t i = 0; i < count; i++)
		triage_case_free(others[i]);
	return r;
}
