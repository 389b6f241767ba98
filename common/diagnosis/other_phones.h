/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares with other phones: if others fail too with a cable, at a port or on a bench, that
 * becomes a suspect, as a word of the case's history. It collects nothing itself. */
#pragma once

#include "common/model/case.h"

#define ACROSS_PHONES_MAX 256 /* other phones that are compared: the first ones added */

/* The place where another phone was restored. Texts are borrowed; empty or NULL = unknown. */
struct whereabouts {
	const char *host;
	const char *host_id; /* empty or NULL = unknown */
	const char *port;
	const char *cable;
	enum outcome outcome;
};

/* The results of another phone in the places of the case: one bit per place. The caller may
 * complete the identity before the end. */
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

/* Starts the comparison for a case, which must outlive it. */
void other_phones_begin(struct other_phones *across, struct triage_case *c);
/* Adds an attempt of any phone. Attempts of the case's own phone and of unidentified phones are
 * ignored. The same attempt may be added twice. */
void other_phones_take(struct other_phones *across, const struct identity *identity,
	const struct whereabouts *where);
/* Adds the word to the case for the narrowest place where at least two others failed, and more
 * failed than succeeded, if there is one. */
void other_phones_end(struct other_phones *across);

/* The place of an attempt; none if the phone only had to start. */
struct whereabouts attempt_whereabouts(const struct attempt *attempt);
