/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The casebook's writer: makes its file, brings it to the newest version, sets a damaged one aside,
 * and keeps, seals and purges. common/casebook reads what it wrote. It logs nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/model/session.h"

/* Runs of records that are kept of one session; in the middle they are dropped beyond that: about,
 * in bytes of unpacked records. */
#define CASEBOOK_SESSION_BYTES (32u * 1024 * 1024)

struct casebook_file;

/* What was found at the opening, for the log. */
struct casebook_report {
	bool set_aside; /* it was damaged and is now PATH.bad; this one is new */
	bool created;
	bool opened;	     /* just now; else nothing here says anything */
	size_t from_version; /* of the schema; where it was brought to a newer one */
};

/* Opens the casebook at `path`, makes one, or brings one to the newest version. Blocks on the disk.
 * Returns 0; -EPROTONOSUPPORT for one of a later version, which stays as it is; -EBUSY where
 * another program holds it; or an errno of the file. The caller owns *ret: casebook_file_free(). */
int casebook_file_open(
	const char *path, struct casebook_report *ret_report, struct casebook_file **ret);
/* Closes it in order, all of it on the disk. NULL is fine; returns NULL. */
struct casebook_file *casebook_file_free(struct casebook_file *file);
DEFINE_FREEP(struct casebook_file, casebook_file_free)

/* Whether the file is no longer at its path: somebody removed or replaced it. */
bool casebook_file_moved(struct casebook_file *file);

/* All below return 0 or a negative errno: -EBADMSG for a damaged file, -ENOSPC for a full disk,
 * -EBUSY where another program holds it. What failed has changed nothing. They do not wait for the
 * disk: a power cut may take back the last ones, which the ring still holds. */

/* A run of packed records of one session (common/store/schema.h). `length` 0 = none. */
struct record_run {
	uint64_t first, last; /* sequences */
	const uint8_t *bytes; /* not packed yet */
	size_t length;
};

/* What is kept of a session so far. */
struct casebook_kept {
	bool sealed;
	uint64_t last_sequence; /* of the newest record; 0 = none */
};
int casebook_file_kept(
	struct casebook_file *file, const struct uuid *session, struct casebook_kept *ret);

/* Keeps a run of a session's records, before the session is sealed or after. */
int casebook_file_keep(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run);

/* An attempt with all that belongs to it. */
struct casebook_seal {
	const struct attempt *attempt; /* with an id */
	const struct identity *identity;
	const char *origin; /* watched, told or imported */
	struct record_run run;
};

/* Seals an attempt in one transaction. One that was sealed is told anew. */
int casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);
/* Adds an attempt that is not there yet. Returns 1, 0 where it was there, or a negative errno. */
int casebook_file_add(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);

/* Notes something of a phone; a word of its history (`kind` is "history") once. */
int casebook_file_note(struct casebook_file *file, struct stamp at, const struct identity *identity,
	const char *kind, const char *text);

/* Keeps what holds at a place from now on; `value` NULL: nothing is known of it any more. */
int casebook_file_condition(struct casebook_file *file, struct stamp now, const char *place,
	const char *key, const char *value);

/* Which attempts: those of a phone, or those that began before a moment. */
struct casebook_purge {
	const struct identity *identity; /* NULL = any */
	uint64_t before_us;		 /* wall clock; 0 = any time */
};

/* Purges attempts with their records and notes, so that no byte of them stays in the
 * file, and records that it was done. Blocks on the disk. */
int casebook_file_purge(
	struct casebook_file *file, const struct casebook_purge *purge, uint64_t *ret_attempts);
/* When the newest attempt began (wall clock); 0 where there is none. */
int casebook_file_newest(struct casebook_file *file, uint64_t *ret);
/* Drops what is older than it may be kept: records that were kept before `records_us`, attempts
 * that began before `attempts_us`; some at a time. Returns 1 where more is left to drop. */
int casebook_file_expire(struct casebook_file *file, uint64_t records_us, uint64_t attempts_us);

/* Asks for what was written to be brought to the disk. Does not wait. */
void casebook_file_sync(struct casebook_file *file);
