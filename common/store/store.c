/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/store.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/case_analysis.h"

#define ACROSS_ATTEMPTS_MAX 500 /* of the casebook, to search for other phones */
#define ACROSS_WINDOW_US (30 * 24 * UINT64_C(3600) * USEC_PER_SEC)

static void note_error(struct store *store, int r)
{
	if (r < 0 && store->error == 0)
		store->error = r;
}

/* The rest of an identity is what the phone's newest attempt says, as on every other bench; only if
 * none does, what this bench knows. */
static void keys_of(const struct identity *identity, struct identity *ret)
{
	*ret = (struct identity){.ecid = identity->ecid};
	text_copy(ret->udid, sizeof(ret->udid), identity->udid);
}

void store_complete_identity(struct store *store, struct identity *identity)
{
	if (store->book && identity_is_known(identity))
		note_error(store, casebook_complete_identity(store->book, identity));
}

bool store_find_identity(struct store *store, const char *name, struct identity *ret)
{
	struct identity identity = {0}, of_bench = {0};
	bool found = bench_find_identity(store->bench, name, &of_bench);
	int r = 0;

	keys_of(&of_bench, &identity);
	if (found)
		store_complete_identity(store, &identity);
	else if (store->book)
		r = casebook_find_identity(store->book, name, &identity);
	identity_merge(&identity, &of_bench);
	found = found || r > 0;
	note_error(store, r);
	if (found)
		*ret = identity;
	return found;
}

/* Merges the bench's sessions with the casebook's attempts, by the clock, then identifier: so that
 * every bench has the same order, now and when the sessions are only in the casebook. */
struct merge {
	const struct bench *bench;
	const struct filter *filter;
	const struct filter *kept; /* of the casebook's attempts */
	const struct uuid *after;  /* visit none up to this one; then NULL */
	const struct session *sessions[BENCH_SESSIONS_MAX]; /* of the bench, oldest first */
	size_t left;					    /* of them, not yet visited */
	store_want *want;				    /* NULL = all */
	store_visit *visit;
	void *context;
	bool ended;
};

static bool merge_visit(struct merge *merge, const struct found_attempt *found)
{
	const struct candidate candidate = {found->attempt, found->identity, found->started_us,
		found->session && found->session->running};

	if (merge->filter && !filter_fits(merge->filter, &candidate))
		return true;
	if (!merge->after)
		return merge->visit(merge->context, found);
	if (uuid_equal(&found->attempt->id, merge->after))
		merge->after = NULL;
	return true;
}

static bool merge_session(struct merge *merge, const struct session *session)
{
	const struct found_attempt past = {
		&session->attempt, &session->identity, session, session->attempt.started.wall_us};

	return merge_visit(merge, &past);
}

/* When an attempt began, by the clock. */
struct begin {
	uint64_t started_us;
	const struct uuid *id;
};

static bool begin_is_before(const struct begin *a, const struct begin *b)
{
	if (a->started_us != b->started_us)
		return a->started_us < b->started_us;
	return memcmp(a->id, b->id, sizeof(*a->id)) < 0;
}

static struct begin session_begin(const struct session *session)
{
	return (struct begin){session->attempt.started.wall_us, &session->attempt.id};
}

/* Sorts by insertion: only a clock that was set back disturbs the order of the bench. */
static void take_bench_sessions(struct merge *merge)
{
	for (size_t i = 0; i < bench_session_count(merge->bench); i++) {
		const struct session *session = bench_session(merge->bench, i);
		const struct begin begin = session_begin(session);
		size_t at = merge->left++;

		for (; at > 0; at--) {
			const struct begin older = session_begin(merge->sessions[at - 1]);

			if (!begin_is_before(&begin, &older))
				break;
			merge->sessions[at] = merge->sessions[at - 1];
		}
		merge->sessions[at] = session;
	}
}

/* Visits the sessions that began after `begin`; NULL = all. */
static bool merge_sessions(struct merge *merge, const struct begin *begin)
{
	while (merge->left > 0 && !merge->ended) {
		const struct session *session = merge->sessions[merge->left - 1];
		const struct begin own = session_begin(session);

		if (begin && begin_is_before(&own, begin))
			break;
		merge->left--;
		merge->ended = !merge_session(merge, session);
	}
	return !merge->ended;
}

/* The bench's version is preferred: it may have changed after the sealing. */
static bool want_kept(void *context, const struct uuid *session, const struct identity *identity)
{
	const struct merge *merge = context;

	return !bench_find_session(merge->bench, session) &&
	       (!merge->want || merge->want(merge->context, session, identity));
}

static bool merge_kept(void *context, const struct kept_attempt *kept)
{
	struct merge *merge = context;
	const struct found_attempt past = {kept->attempt, kept->identity, NULL, kept->started_us};
	const struct begin begin = {kept->started_us, &kept->attempt->id};

	if (!merge_sessions(merge, &begin))
		return false;
	merge->ended = !merge_visit(merge, &past);
	return !merge->ended;
}

static void merge_attempts(struct store *store, struct merge *merge, size_t limit)
{
	merge->bench = store->bench;
	take_bench_sessions(merge);
	if (store->book)
		note_error(store, casebook_attempts(store->book, merge->kept, limit, want_kept,
					  merge_kept, merge));
	if (!merge->ended)
		merge_sessions(merge, NULL);
}

void store_attempts(struct store *store, const struct identity *identity, size_t limit,
	store_visit *visit, void *context)
{
	const struct filter filter = {.identity = identity};
	struct merge merge = {
		.filter = &filter, .kept = &filter, .visit = visit, .context = context};

	merge_attempts(store, &merge, limit);
}

void store_select(struct store *store, const struct filter *filter, store_want *want,
	store_visit *visit, void *context)
{
	struct merge merge = {
		.filter = filter, .kept = filter, .want = want, .visit = visit, .context = context};

	merge_attempts(store, &merge, SIZE_MAX);
}

static bool take_start(void *context, const struct found_attempt *found)
{
	uint64_t *started_us = context;

	*started_us = found->started_us;
	return false;
}

int store_select_after(struct store *store, const struct filter *filter, const struct uuid *after,
	store_visit *visit, void *context)
{
	struct filter rest = *filter;
	struct merge merge = {.filter = filter,
		.kept = &rest,
		.after = after,
		.visit = visit,
		.context = context};
	uint64_t started_us = 0;

	if (!store_attempt(store, after, take_start, &started_us))
		return STORE_NO_SESSION;
	if (started_us < filter_until(filter))
		rest.until_us = started_us;
	/* Those that began at the same time as `after` may stand before it. */
	merge_attempts(store, &merge, SIZE_MAX);
	/* It does not fit the filter any more: a running session has ended. */
	if (merge.after)
		store_select(store, &rest, NULL, visit, context);
	return 0;
}

bool store_attempt(struct store *store, const struct uuid *id, store_visit *visit, void *context)
{
	const struct session *session = bench_find_session(store->bench, id);
	struct merge merge = {.bench = store->bench, .visit = visit, .context = context};
	int r = 0;

	if (session) {
		merge_session(&merge, session);
		return true;
	}
	if (store->book)
		r = casebook_attempt(store->book, id, merge_kept, &merge);
	note_error(store, r);
	return r > 0;
}

static bool ignore(void *context, const struct found_attempt *found)
{
	return false;
}

static bool ignore_kept(void *context, const struct kept_attempt *kept)
{
	return false;
}

bool store_is_kept(void *user, const struct uuid *session)
{
	struct store *store = user;

	return store->book && casebook_attempt(store->book, session, ignore_kept, NULL) > 0;
}

bool store_has_session(struct store *store, const struct uuid *session)
{
	return store_attempt(store, session, ignore, NULL);
}

int store_read_record(const struct ring_record *record, struct event *ret)
{
	int r = event_decode(record->payload, record->length, ret);

	if (r < 0)
		return r;
	ret->sequence = record->sequence;
	ret->session = record->session;
	return ret->kind == EVENT_NONE ? -EBADMSG : 0;
}

/* After a record that is known, or from the oldest one that is left. */
static int ring_records(const struct ring_reader *reader, const struct uuid *session,
	const uint64_t *after, casebook_visit_record *visit, void *context, uint64_t *ret_lost)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	uint64_t lost = 0;
	int r;

	if (!cursor)
		return -ENOMEM;
	if (after)
		ring_cursor_after(cursor, reader, *after);
	else
		ring_cursor_first(cursor, reader);
	if (session)
		ring_cursor_only(cursor, session);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		struct event event;

		/* If the visitor rejects a record, records missing before it are reported again
		 * with it next time. */
		if (store_read_record(&record, &event) == 0 && !visit(context, &event))
			break;
		lost = cursor->loss.lost;
	}
	if (r < 0)
		return r;
	if (r == 0)
		lost = cursor->loss.lost;
	*ret_lost = after ? lost : 0;
	return 0;
}

/* A visit of a session's records in the casebook. */
struct kept_visit {
	casebook_visit_record *visit;
	void *context;
	uint64_t first, last; /* sequences that were visited */
	bool ended;
	int error;
};

static bool visit_kept(void *user, const struct event *event)
{
	struct kept_visit *kept = user;

	kept->ended = !kept->visit(kept->context, event);
	if (kept->ended)
		return false;
	if (kept->first == 0)
		kept->first = event->sequence;
	kept->last = event->sequence;
	return true;
}

/* Visits the rest of a session, or of all, in the ring. */
static int visit_ring(struct store *store, const struct uuid *session, uint64_t after,
	struct kept_visit *kept, uint64_t *ret_lost)
{
	const struct session *watched = session ? bench_find_session(store->bench, session) : NULL;
	bool from_book = session && store->book && kept->error == 0 && kept->last > 0;
	uint64_t lost = 0, begin = watched ? watched->attempt.begin_sequence : 0;
	int r = 0;

	/* Of the bench's sessions, the ring counts what it has lost. */
	if (!watched && kept->error < 0)
		return kept->error;
	/* A session begins with the record that began it, even if that is gone. */
	if (begin > 0 && kept->last == 0)
		kept->last = begin - 1;
	if (store->reader && (!session || watched) && !kept->ended)
		r = ring_records(store->reader, session, session || after ? &kept->last : NULL,
			kept->visit, kept->context, &lost);
	/* The sealer stores records before the ring overwrites them. */
	if (from_book)
		lost = after == 0 && begin > 0 && kept->first > begin ? kept->first - begin : 0;
	if (r == 0)
		*ret_lost = lost;
	return r;
}

int store_records(struct store *store, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context, uint64_t *ret_lost)
{
	struct kept_visit kept = {.visit = visit, .context = context, .last = after};
	int r;

	if (session && store->book)
		kept.error = casebook_records(store->book, session, after, visit_kept, &kept);
	r = visit_ring(store, session, after, &kept, ret_lost);
	/* The casebook may have what the ring has lost. */
	if (r == 0 && *ret_lost > 0)
		note_error(store, kept.error);
	return r;
}

/* Collects copies, which it owns. */
struct gathering {
	struct triage_case *c;
	struct identity identity; /* all identifiers of the phone in its attempts */
	store_visit *visit;	  /* sees them too, until it has enough; NULL = none */
	void *context;
	bool failed;
};

static bool gather(void *context, const struct found_attempt *past)
{
	struct gathering *gathering = context;
	struct attempt *attempt = triage_case_add(gathering->c);

	if (!attempt) {
		gathering->failed = true;
		return false;
	}
	*attempt = *past->attempt;
	identity_merge(&gathering->identity, past->identity);
	if (gathering->visit && !gathering->visit(gathering->context, past))
		gathering->visit = NULL;
	/* No more are copied: that would block the loop. */
	return gathering->c->attempt_count < CASE_ANALYSIS_ATTEMPTS_MAX;
}

static bool gather_word(void *context, const struct note *note)
{
	struct gathering *gathering = context;
	char word[HISTORY_WORD_SIZE];

	if (note->amended || !text_equal(note->kind, NOTE_HISTORY))
		return true;
	text_clean(note->text, strlen(note->text), word, sizeof(word));
	triage_case_add_history(gathering->c, word);
	return true;
}

/* Sorts the collected attempts oldest first, as in case files, and sets the phone's identifiers. */
static int finish_case(struct gathering *gathering, struct triage_case **ret)
{
	struct triage_case *c = gathering->c;

	if (gathering->failed)
		return -ENOMEM;
	for (size_t i = 0; i < c->attempt_count / 2; i++) {
		struct attempt *newer = c->attempts[i];

		c->attempts[i] = c->attempts[c->attempt_count - 1 - i];
		c->attempts[c->attempt_count - 1 - i] = newer;
	}
	c->identity = gathering->identity;
	*ret = c;
	return 0;
}

static int gather_case(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct triage_case **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct gathering gathering = {.c = c, .visit = visit, .context = context};
	struct identity whole = *identity;
	int r;

	if (!c)
		return -ENOMEM;
	/* Attempts may know the phone by its other key alone. */
	store_complete_identity(store, &whole);
	keys_of(&whole, &gathering.identity);
	store_attempts(store, &whole, CASE_ANALYSIS_ATTEMPTS_MAX, gather, &gathering);
	if (store->book)
		note_error(store, casebook_notes(store->book, &whole, gather_word, &gathering));
	identity_merge(&gathering.identity, &whole);
	r = finish_case(&gathering, ret);
	if (r == 0)
		c = NULL;
	return r;
}

int store_case(struct store *store, const struct identity *identity, struct triage_case **ret)
{
	return gather_case(store, identity, NULL, NULL, ret);
}

/* The case of a session's phone; only the session if its phone was never identified. Also returns
 * STORE_NO_SESSION. */
static int store_session_case(struct store *store, const struct uuid *id, struct triage_case **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct gathering gathering = {.c = c};
	int r;

	if (!c)
		return -ENOMEM;
	if (!store_attempt(store, id, gather, &gathering))
		return STORE_NO_SESSION;
	if (identity_is_known(&gathering.identity))
		return store_case(store, &gathering.identity, ret);
	r = finish_case(&gathering, ret);
	if (r == 0)
		c = NULL;
	return r;
}

/* The newest attempts of the casebook, on which all benches agree: with all that began at the same
 * time as the last of them. */
struct across_places {
	struct other_phones *across;
	size_t count;
	uint64_t since_us; /* what began earlier does not count */
};

static bool take_place(void *context, const struct identity *identity,
	const struct whereabouts *where, uint64_t started_us)
{
	struct across_places *places = context;

	if (places->count >= ACROSS_ATTEMPTS_MAX && started_us < places->since_us)
		return false;
	other_phones_take(places->across, identity, where);
	if (++places->count == ACROSS_ATTEMPTS_MAX)
		places->since_us = started_us;
	return true;
}

/* The sessions of the bench that are not in the casebook yet; taking the others again changes
 * nothing. */
static void take_sessions(struct store *store, const struct across_places *places)
{
	for (size_t i = bench_session_count(store->bench); i > 0; i--) {
		const struct session *session = bench_session(store->bench, i - 1);
		const struct whereabouts where = attempt_whereabouts(&session->attempt);

		if (session->attempt.started.wall_us >= places->since_us)
			other_phones_take(places->across, &session->identity, &where);
	}
}

/* A phone seen by its ECID and by its UDID is one: one of the names finds the other. */
static void complete_phones(struct store *store, struct other_phones *across)
{
	for (size_t i = 0; i < across->count; i++) {
		struct identity *identity = &across->phones[i].identity;

		if (!identity->ecid)
			store_complete_identity(store, identity);
	}
}

int store_mark_across(struct store *store, struct triage_case *c)
{
	CLEANUP(freep) struct other_phones *across = malloc(sizeof(*across));
	struct across_places places = {.across = across};
	uint64_t failed_us;

	if (!across)
		return -ENOMEM;
	other_phones_begin(across, c);
	if (!across->last)
		return 0;
	failed_us = across->last->started.wall_us;
	if (failed_us > ACROSS_WINDOW_US)
		places.since_us = failed_us - ACROSS_WINDOW_US;
	if (store->book)
		note_error(
			store, casebook_places(store->book, places.since_us, take_place, &places));
	take_sessions(store, &places);
	complete_phones(store, across);
	other_phones_end(across);
	return 0;
}

static int diagnose_case(struct store *store, struct triage_case *c, struct verdict *ret)
{
	int r = store_mark_across(store, c);

	return r < 0 ? r : diagnose(c, ret);
}

int store_diagnose(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	int r = gather_case(store, identity, visit, context, &c);

	return r != 0 ? r : diagnose_case(store, c, ret);
}

int store_diagnose_session(struct store *store, const struct uuid *session, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	int r = store_session_case(store, session, &c);

	return r != 0 ? r : diagnose_case(store, c, ret);
}
