/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stores what another bench stored (changes.h). Each can be repeated, and all can arrive in any
 * order: every bench ends with the same. */
#pragma once

#include "common/store/casebook_file.h"
#include "common/store/changes.h"

enum exchanged {
	EXCHANGE_PRESENT = 0, /* it, or a later one, is stored already */
	EXCHANGE_ADDED = 1,
	EXCHANGE_REPLACED = 2, /* an earlier one */
	EXCHANGE_PURGED = 3,   /* it was purged: it is not stored */
};

/* Each returns an enum exchanged, or a negative errno; -E2BIG: the attempt has too many
 * corrections. */

/* `written` is what the other bench says of it; its case has one attempt. An attempt that this
 * bench watched is never replaced. */
int exchange_attempt(struct casebook_file *file, struct stamp now, const struct triage_case *c,
	const struct written *written);
int exchange_note(
	struct casebook_file *file, const struct identity *identity, const struct note *note);
/* `stored` is the attempt as it is stored, or NULL: it may arrive later. */
int exchange_correction(struct casebook_file *file, struct stamp now,
	const struct correction *correction, const struct casebook_seal *stored);
int exchange_condition(struct casebook_file *file, const struct set_condition *condition);
/* Remembers the purge. The caller has deleted what it names. */
int exchange_purge(struct casebook_file *file, const struct purge *purge);

/* Whether it is the purge of this phone. */
bool purge_is_of(const struct purge *purge, const struct identity *identity);
/* Each returns 1 or 0, or a negative errno: whether the row was purged; whether the phone was, at
 * `at_us` or later. */
int exchange_is_purged_id(struct casebook_file *file, const struct uuid *id);
int exchange_is_purged_phone(
	struct casebook_file *file, const struct identity *identity, uint64_t at_us);
/* Adds to *ret the keys of the purged phone that the casebook has. Returns 0 or a negative errno.
 */
int exchange_find_phone(
	struct casebook_file *file, const struct purge *purge, struct identity *ret);
