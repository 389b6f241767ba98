/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bench and its casebook as one: what runs, what ran and what was kept of it, told or imported.
 * The daemon and the client beside a stopped daemon read it alike. It changes neither. */
#pragma once

#include "common/casebook/casebook.h"
#include "common/triage/bench.h"

struct history {
	const struct bench *bench;
	struct casebook *book; /* NULL = there is none */
	int error; /* of the last reading of the casebook: 0 or a negative errno. What it could not
		    * give is missing from the answer. */
};

/* An attempt of either. Everything is borrowed. */
struct past_attempt {
	const struct attempt *attempt;
	const struct identity *identity;
	const struct session *session; /* of the bench; NULL = from the casebook */
	uint64_t started_us;	       /* wall clock */
};

/* Returns false to end the visit. */
typedef bool history_visit(void *context, const struct past_attempt *past);

/* Finds a phone by ECID, UDID or port, with all of its keys. */
bool history_find_identity(struct history *history, const char *name, struct identity *ret);
/* Attempts, newest first, at most `limit` from the casebook: of one phone, or of all where
 * `identity` is NULL. */
void history_attempts(struct history *history, const struct identity *identity, size_t limit,
	history_visit *visit, void *context);
/* The one attempt. Returns false where there is no such session. */
bool history_attempt(
	struct history *history, const struct uuid *session, history_visit *visit, void *context);
/* The case of a phone: copies of its newest attempts, and what is noted of its history. Returns 0
 * or -ENOMEM; the caller owns *ret: triage_case_free(). */
int history_case(
	struct history *history, const struct identity *identity, struct triage_case **ret);
/* The case of a session's phone; the session alone where its phone was never identified. -ENOENT:
 * no such session. */
int history_session_case(
	struct history *history, const struct uuid *session, struct triage_case **ret);
