/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bench, its ring and its casebook behind one interface: running and ended sessions, and stored,
 * entered or imported attempts. The daemon uses it, and so does the client while the daemon is
 * stopped. It changes nothing. */
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
	char bench_name[NAME_SIZE]; /* of this computer; empty = unknown */
	char host_id[HOST_ID_SIZE]; /* likewise */
	int error; /* of the first failed read of the casebook since the caller has set it to 0:
		      unreadable data is missing from what was found */
};

/* An attempt of the bench or the casebook. Everything is borrowed. */
struct found_attempt {
	const struct attempt *attempt;
	const struct identity *identity;
	const struct session *session; /* of the bench; NULL = from the casebook */
	uint64_t started_us;	       /* wall clock */
};

/* Returns false to end the visit. */
typedef bool store_visit(void *context, const struct found_attempt *past);

#define STORE_NO_SESSION 1 /* there is no such session */

/* Adds to *identity what other attempts of the casebook say of the phone. */
void store_complete_identity(struct store *store, struct identity *identity);
/* Finds a phone by ECID, UDID or port, with all of its keys. */
bool store_find_identity(struct store *store, const char *name, struct identity *ret);
/* Attempts, newest first, at most `limit` from the casebook: of one phone, or of all if `identity`
 * is NULL. */
void store_attempts(struct store *store, const struct identity *identity, size_t limit,
	store_visit *visit, void *context);
/* Whether to visit an attempt of the casebook with this session and phone: called before it is
 * read, which takes longer. */
typedef bool store_want(void *context, const struct uuid *session, const struct identity *identity);
/* Those that fit the filter, without a limit; `want` may be NULL. */
void store_select(struct store *store, const struct filter *filter, store_want *want,
	store_visit *visit, void *context);
/* The same from the attempt that follows `after` on. Returns 0, or STORE_NO_SESSION if there is no
 * such session. */
int store_select_after(struct store *store, const struct filter *filter, const struct uuid *after,
	store_visit *visit, void *context);
/* Visits one attempt. Returns false if there is no such session. */
bool store_attempt(
	struct store *store, const struct uuid *session, store_visit *visit, void *context);
/* Whether the casebook has the session: for bench_drop_partial(). `store` is a struct store. */
bool store_is_kept(void *store, const struct uuid *session);
bool store_has_session(struct store *store, const struct uuid *session);
/* Records with a sequence higher than `after`, oldest first: of one session, from the casebook and
 * then from the ring, or (NULL) of all, from the ring. *ret_lost is the number of lost records
 * after `after`, up to the last one visited: of a session, those that the ring overwrote since it
 * began and that the casebook does not have; of all from 0 on, 0 (the oldest one that is left).
 * Returns 0, -ENOMEM, or -EBADMSG for a damaged ring. */
int store_records(struct store *store, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context, uint64_t *ret_lost);
/* Reads a record of the ring. Returns 0, or -EBADMSG if it is not an event or was purged. */
int store_read_record(const struct ring_record *record, struct event *ret);
/* The case of a phone: copies of its newest attempts, and its history. Returns 0 or -ENOMEM; the
 * caller owns *ret: triage_case_free(). */
int store_case(struct store *store, const struct identity *identity, struct triage_case **ret);
/* Marks a case whose last failure was at a place where others fail too (other_phones.h), using the
 * sessions of the bench and the newest attempts of the last month in the casebook. Returns 0 or
 * -ENOMEM. */
int store_mark_across(struct store *store, struct triage_case *c);
/* The verdict on a phone's case, or on the case of a session (its phone's, if known), compared with
 * other phones. `visit`, which may be NULL, sees the attempts of the case too, newest first, as
 * long as it returns true: so nobody reads them twice. Returns 0, STORE_NO_SESSION or -ENOMEM. */
int store_diagnose(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct verdict *ret);
int store_diagnose_session(struct store *store, const struct uuid *session, struct verdict *ret);
