/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The casebook's writer: creates and migrates the file, renames a damaged one, and stores, seals
 * and purges. casebook.h reads it. It logs nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/model/case.h"
#include "common/model/session.h"
#include "common/store/changes.h"

/* The approximate maximum of stored records per session, in bytes of unpacked records; beyond it,
 * records in the middle are dropped. */
#define CASEBOOK_SESSION_BYTES (32u * 1024 * 1024)

struct casebook_file;

/* The result of the opening, for the log. */
struct casebook_report {
	bool set_aside; /* it was damaged and was renamed to PATH.bad; this one is new */
	bool created;
	bool opened;	     /* just now; else the other fields mean nothing */
	size_t from_version; /* of the schema before a migration */
};

/* Opens, creates or migrates the casebook at `path`. Blocks on the disk. Returns 0;
 * -EPROTONOSUPPORT for a later version, which is not changed; -EBUSY if another program has locked
 * it; or an errno of the file. The caller owns *ret: casebook_file_free(). */
int casebook_file_open(
	const char *path, struct casebook_report *ret_report, struct casebook_file **ret);
/* Sets the id of this computer, which writes the attempts; stores it in watched ones of versions
 * without ids. Returns 0 or a negative errno. */
int casebook_file_identify(struct casebook_file *file, const char *host_id);
/* Closes it cleanly, with everything on disk. NULL is fine; returns NULL. */
struct casebook_file *casebook_file_free(struct casebook_file *file);
DEFINE_FREEP(struct casebook_file, casebook_file_free)

/* The limit of casebook_file_bytes() for what people add; 0 = none. Watched sessions may use a
 * quarter more; beyond that, each deletes what was stored first: records, then attempts. */
void casebook_file_limit(struct casebook_file *file, uint64_t bytes);
/* The bytes in use. Returns 0 or a negative errno. */
int casebook_file_bytes(struct casebook_file *file, uint64_t *ret);
/* Whether people may add something: 0, CASEBOOK_FULL beyond the limit, -ENOSPC if the disk is
 * nearly full, or another negative errno. */
#define CASEBOOK_FULL 1
int casebook_file_room(struct casebook_file *file);

/* Whether the thread that syncs it hangs: disk_sync_hangs(). */
bool casebook_file_hangs(struct casebook_file *file, struct stamp now);
/* Whether the file is no longer at its path: it was removed or replaced. */
bool casebook_file_moved(struct casebook_file *file);

/* All below return 0 or a negative errno: -EBADMSG for a damaged file, -ENOSPC for a full disk,
 * -EBUSY if another program has locked it. A failed call changes nothing. They do not wait for the
 * disk: a power cut may undo the last ones, which are still in the ring. */

/* Makes one transaction of the calls that follow, up to casebook_file_end(): all or, with `keep`
 * false, none. After a failed call it must not be kept. Reading is not part of it. */
int casebook_file_begin(struct casebook_file *file);
int casebook_file_end(struct casebook_file *file, bool keep);

/* A run of packed records of one session (common/store/schema.h). `length` 0 = none. */
struct record_run {
	uint64_t first, last; /* sequences */
	const uint8_t *bytes; /* not packed yet */
	size_t length;
};

/* The stored part of a session. */
struct casebook_kept {
	bool sealed;
	uint64_t last_sequence; /* of the newest record; 0 = none */
};
int casebook_file_kept(
	struct casebook_file *file, const struct uuid *session, struct casebook_kept *ret);

/* Stores a run of a session's records, before or after the session is sealed. */
int casebook_file_keep(struct casebook_file *file, struct stamp now, const struct uuid *session,
	const struct record_run *run);

/* An attempt with all its data. */
struct casebook_seal {
	const struct attempt *attempt; /* with an id */
	const struct identity *identity;
	const char *origin; /* one of ORIGIN_... */
	struct record_run run;
	/* Those that are not yet stored; NULL = only the last ones, which the attempt itself
	 * has. */
	const struct correction *corrections;
	size_t correction_count;
	/* Of a foreign attempt; NULL = this bench writes it, unless it comes from another
	 * computer. */
	const struct written *written;
};

/* Seals an attempt in one transaction. A sealed attempt is replaced. */
int casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);
/* Adds a new attempt. Returns 1, 0 if it exists already, or a negative errno. */
int casebook_file_add(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);

/* Stores corrections of an attempt that is sealed later. */
int casebook_file_correct(
	struct casebook_file *file, const struct correction *corrections, size_t count);

/* Stores a note on a phone; a word of its history only once. Without `by`, a word that was taken
 * back is not stored again. */
int casebook_file_note(
	struct casebook_file *file, const struct identity *identity, const struct note *note);

/* Stores a condition of a place from now on; `value` NULL deletes it. */
int casebook_file_condition(struct casebook_file *file, struct stamp now, const char *place,
	const char *key, const char *value);
/* Ends one for want of room, as of the time it was set: what another bench set later holds. */
int casebook_file_end_condition(
	struct casebook_file *file, struct stamp now, const char *place, const char *key);

/* Makes room on a full disk, from the reserve, until the next purge ends. */
void casebook_file_use_reserve(struct casebook_file *file);

/* The attempts to purge: those of a phone, or those that began before a time. */
struct casebook_purge {
	const struct identity *identity; /* NULL = any */
	uint64_t before_us;		 /* wall clock; 0 = any time */
	bool whole;			 /* all of the phone, with its conditions */
	const struct purge *of; /* of another bench: also its items, and without a phone only
				   these; NULL = it begins here */
};

/* Returned if another program reads the casebook: the data is deleted, but bytes of it stay in the
 * write-ahead log until one of the next syncs after that program has ended. */
#define CASEBOOK_PURGED_LATER 1

/* Purged attempts, in the order of their sessions. */
struct casebook_purged {
	struct purged_attempt {
		struct uuid id;
		uint32_t user; /* whose log it is */
		char *log;     /* path of the tool's log; NULL = none */
	} * attempts;
	size_t count;
	struct uuid *items; /* of deleted rows, until they are remembered */
	size_t item_count;
	bool has_phone; /* the phone is remembered */
};

/* Purges attempts with their records and notes, so that no byte of them remains in the file, and
 * remembers it for other benches. Blocks on the disk. On a full disk it uses the reserve and
 * deletes piece by piece: then a failed call may have deleted a part. Returns 0 or
 * CASEBOOK_PURGED_LATER; *ret: casebook_purged_done(). */
int casebook_file_purge(struct casebook_file *file, const struct casebook_purge *purge,
	struct casebook_purged *ret);
void casebook_purged_done(struct casebook_purged *purged);
bool casebook_purged_has(const struct casebook_purged *purged, const struct uuid *session);
/* The time that counts for the age of data, for a caller that asks every hour: `now_us` (wall
 * clock), unless that is more than a week later than at the last call. Then it follows in time, so
 * that a clock that is years ahead ages nothing by more than a week. */
int casebook_file_trusted_time(struct casebook_file *file, uint64_t now_us, uint64_t *ret);
/* Deletes a limited number of expired items: records stored before `records_us`; attempts that
 * began, and notes that were made, before `attempts_us`. What was watched later than something that
 * has not expired stays: its time is wrong. Also the records of purges, two years before
 * `trusted_us`. Returns 1 if more are left to delete. */
int casebook_file_expire(struct casebook_file *file, uint64_t now_us, uint64_t trusted_us,
	uint64_t records_us, uint64_t attempts_us);

/* Requests a sync of the written data to disk. Does not wait. */
void casebook_file_sync(struct casebook_file *file);
/* Frees the pages that SQLite keeps in memory, until they are needed again. */
void casebook_file_drop_pages(struct casebook_file *file);
