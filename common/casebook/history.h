/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bench, its ring and its casebook as one: what runs, what ran and what was kept, told or
 * imported. The daemon and the client beside a stopped daemon read it alike. It changes neither. */
#pragma once

#include "common/casebook/casebook.h"
#include "common/ring/reader.h"
#include "common/triage/bench.h"
#include "common/triage/verdict.h"

struct history {
	const struct bench *bench;
	const struct ring_reader *reader; /* NULL = there is no ring */
	struct casebook *book;		  /* NULL = there is none */
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
/* Records with a sequence higher than `after`, oldest first: of one session, from the casebook and
 * from the ring where that ends, or (NULL) of all, from the ring. *ret_lost: records after `after`
 * that are gone, up to the last one that was visited; 0 where `after` is 0 (from the oldest that is
 * left). Returns 0, -ENOMEM, or -EBADMSG for a damaged ring. */
int history_records(struct history *history, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context, uint64_t *ret_lost);
/* Reads a record of the ring. Returns 0, or -EBADMSG for one that is no event, or was purged. */
int history_read_record(const struct ring_record *record, struct event *ret);
/* The case of a phone: copies of its newest attempts, and what is noted of its history. Returns 0
 * or -ENOMEM; the caller owns *ret: triage_case_free(). */
int history_case(
	struct history *history, const struct identity *identity, struct triage_case **ret);
/* The case of a session's phone; the session alone where its phone was never identified. -ENOENT:
 * no such session. */
int history_session_case(
	struct history *history, const struct uuid *session, struct triage_case **ret);
/* Marks a case whose last failure was where others fail as well: across.h, with the sessions of the
 * bench and the newest attempts of the casebook of the month before. Returns 0 or -ENOMEM. */
int history_mark_across(struct history *history, struct triage_case *c);
/* The verdict of a phone's case, or of the case of a session (its phone's, where that is known),
 * with what others show. -ENOENT: no such session; -ENOMEM. */
int history_diagnose(struct history *history, const struct identity *identity, struct verdict *ret);
int history_diagnose_session(
	struct history *history, const struct uuid *session, struct verdict *ret);
