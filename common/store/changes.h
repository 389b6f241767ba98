/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What benches exchange: attempts, notes, corrections of attempts, conditions of places, and
 * purges, each with an identifier, in the order in which this bench stored them. This reads them;
 * exchange.h stores those of another bench. */
#pragma once

#include "common/model/detail.h"
#include "common/store/casebook.h"

#define PURGE_ITEMS_MAX 1000 /* of one purge, so that it fits into a request */
#define PURGE_SALT_SIZE 16
#define PURGE_HASH_SIZE 32

enum change_kind {
	CHANGE_ATTEMPT = 0,
	CHANGE_NOTE,
	CHANGE_CORRECTION,
	CHANGE_CONDITION,
	CHANGE_PURGE,
	CHANGE_KIND_COUNT
};

/* attempt, note, correction, condition or purge. */
const char *change_kind_name(enum change_kind kind);
/* CHANGE_KIND_COUNT for any other word. */
enum change_kind change_kind_from_name(const char *name);

/* Which bench writes an attempt. */
struct written {
	char writer[HOST_ID_SIZE]; /* empty = none: from a case file, or of an earlier version */
	uint64_t revision;	   /* 0 = unknown; without a writer, of what was imported */
	uint64_t started_us;	   /* wall clock; when it was first stored if it has no start */
	bool foreign;		   /* another bench writes it */
	bool watched;		   /* this bench watched it */
};

/* A correction of an attempt by a person. It never changes. */
struct correction {
	struct uuid id, attempt;
	uint64_t at_us;
	uint64_t sequence; /* of its record; 0 = none */
	char by[BY_SIZE];
	char key[CONDITION_KEY_SIZE];
	char before[NAME_SIZE];
	char after[DETAIL_SIZE];
};

/* The same correction has the same identifier on every bench. */
struct correction correction_of(const struct uuid *attempt, const struct amendment *amendment);

/* A condition of a place as its last writer set it. */
struct set_condition {
	struct uuid id;
	uint64_t at_us;
	char writer[HOST_ID_SIZE];  /* empty = unknown */
	char host_id[HOST_ID_SIZE]; /* of another bench's port; else empty */
	char place[UDID_SIZE];
	char key[CONDITION_KEY_SIZE];
	char value[CONDITION_VALUE_SIZE]; /* empty = removed */
};

/* What was deleted, without an identifier of a phone. */
struct purge {
	struct uuid id;
	uint64_t at_us;
	uint64_t before_us; /* of a phone: what it did before then; 0 = only the items */
	char writer[HOST_ID_SIZE];
	uint8_t salt[PURGE_SALT_SIZE];
	uint8_t ecid[PURGE_HASH_SIZE], udid[PURGE_HASH_SIZE]; /* salted hashes */
	bool has_ecid, has_udid;
	const struct uuid *items; /* deleted rows; borrowed */
	size_t item_count;	  /* at most PURGE_ITEMS_MAX */
};

typedef bool casebook_visit_change(
	void *context, uint64_t number, enum change_kind kind, const struct uuid *id);
typedef bool casebook_visit_phone_note(
	void *context, const struct identity *identity, const struct note *note);
typedef bool casebook_visit_purge(void *context, const struct purge *purge);

/* All return 0 or a negative errno; those that find one thing return 1 if it exists and 0 if
 * not. */

/* What was stored or changed after number `after`, in that order, at most `limit`, of the kinds
 * whose bits (1 << kind) are set. */
int casebook_changes(struct casebook *book, unsigned kinds, uint64_t after, size_t limit,
	casebook_visit_change *visit, void *context);
int casebook_written(struct casebook *book, const struct uuid *session, struct written *ret);
int casebook_note(struct casebook *book, const struct uuid *id, casebook_visit_phone_note *visit,
	void *context);
int casebook_correction(struct casebook *book, const struct uuid *id, struct correction *ret);
/* Whether no later correction replaces it, and when the attempt was last corrected. */
int casebook_correction_holds(struct casebook *book, const struct correction *correction);
int casebook_last_correction(struct casebook *book, const struct uuid *attempt, uint64_t *ret_us);
int casebook_condition(struct casebook *book, const struct uuid *id, struct set_condition *ret);
int casebook_purge(
	struct casebook *book, const struct uuid *id, casebook_visit_purge *visit, void *context);
