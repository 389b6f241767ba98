/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks across phones: a cable, a port or a bench where others fail as well is itself the suspect,
 * and that becomes a word of the case's history. It gathers nothing itself. */
#pragma once

#include "common/model/case.h"

#define ACROSS_PHONES_MAX 256 /* others that are looked at; the first ones that are told */

/* Where another phone was restored. Texts are borrowed; empty or NULL = not known. */
struct whereabouts {
	const char *host;
	const char *port;
	const char *cable;
	enum outcome outcome;
};

/* What is known of another phone in the places of the case: a bit a place. */
struct across_phone {
	struct identity identity;
	unsigned failed;
	unsigned restored;
};

struct other_phones {
	struct triage_case *c;
	const struct attempt *last; /* the last failed restore of the case; NULL = none */
	struct across_phone phones[ACROSS_PHONES_MAX];
	size_t count;
};

/* Begins to look at a case, which must outlive it. */
void other_phones_begin(struct other_phones *across, struct triage_case *c);
/* Takes an attempt of any phone; those of the case's own phone, and of phones that never told who
 * they are, count for nothing. The same attempt may be told twice. */
void other_phones_take(struct other_phones *across, const struct identity *identity,
	const struct whereabouts *where);
/* Adds the word for the narrowest place where at least two others failed, and more failed than were
 * restored; nothing where there is none. */
void other_phones_end(struct other_phones *across);

/* Where an attempt was: in no place where the phone only had to start. */
struct whereabouts attempt_whereabouts(const struct attempt *attempt);
/* The same with cases of other phones; `c` may stand among them. Returns 0 or -ENOMEM. */
int other_phones_mark(struct triage_case *c, const struct triage_case *const *others, size_t count);
