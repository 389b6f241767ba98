/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bench, its ring and its casebook as one: what runs, what ran and what was kept, told or
 * imported. The daemon and the client beside a stopped daemon read it alike. It changes neither. */
#pragma once

#include "common/store/casebook.h"
#include "common/store/conditions.h"
#include "common/ring/reader.h"
#include "common/model/bench.h"
#include "common/diagnosis/verdict.h"

struct store {
	const struct bench *bench;
	const struct ring_reader *reader; /* NULL = there is no ring */
	struct casebook *book;		  /* NULL = there is none */
	const struct conditions *conditions;
	char bench_name[NAME_SIZE]; /* of this computer; empty = not known */
	int error; /* of the last reading of the casebook: 0 or a negative errno. What it could not
		    * give is missing from the answer. */
};

/* An attempt of either. Everything is borrowed. */
struct found_attempt {
	const struct attempt *attempt;
	const struct identity *identity;
	const struct session *session; /* of the bench; NULL = from the casebook */
	uint64_t started_us;	       /* wall clock */
};

/* Returns false to end the visit. */
typedef bool store_visit(void *context, const struct found_attempt *past);

#define STORE_NO_SESSION 1 /* no such session is known */

/* Finds a phone by ECID, UDID or port, with all of its keys. */
bool store_find_identity(struct store *store, const char *name, struct identity *ret);
/* Attempts, newest first, at most `limit` from the casebook: of one phone, or of all where
 * `identity` is NULL. */
void store_attempts(struct store *store, const struct identity *identity, size_t limit,
	store_visit *visit, void *context);
/* The one attempt. Returns false where there is no such session. */
bool store_attempt(
	struct store *store, const struct uuid *session, store_visit *visit, void *context);
bool store_has_session(struct store *store, const struct uuid *session);
/* Records with a sequence higher than `after`, oldest first: of one session, from the casebook and
 * from the ring where that ends, or (NULL) of all, from the ring. *ret_lost: records after `after`
 * that are gone, up to the last one that was visited; 0 where `after` is 0 (from the oldest that is
 * left). Returns 0, -ENOMEM, or -EBADMSG for a damaged ring. */
int store_records(struct store *store, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context, uint64_t *ret_lost);
/* Reads a record of the ring. Returns 0, or -EBADMSG for one that is no event, or was purged. */
int store_read_record(const struct ring_record *record, struct event *ret);
/* The case of a phone: copies of its newest attempts, and what is noted of its store. Returns 0
 * or -ENOMEM; the caller owns *ret: triage_case_free(). */
int store_case(struct store *store, const struct identity *identity, struct triage_case **ret);
/* The case of a session's phone; the session alone where its phone was never identified. Also
 * returns STORE_NO_SESSION. */
int store_session_case(struct store *store, const struct uuid *session, struct triage_case **ret);
/* Marks a case whose last failure was where others fail as well: across.h, with the sessions of the
 * bench and the newest attempts of the casebook of the month before. Returns 0 or -ENOMEM. */
int store_mark_across(struct store *store, struct triage_case *c);
/* The verdict of a phone's case, or of the case of a session (its phone's, where that is known),
 * with what others show. Returns 0, STORE_NO_SESSION or -ENOMEM. */
int store_diagnose(struct store *store, const struct identity *identity, struct verdict *ret);
int store_diagnose_session(struct store *store, const struct uuid *session, struct verdict *ret);
