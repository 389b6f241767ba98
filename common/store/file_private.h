/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files that write a casebook. Private to this folder. */
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>

#include "common/store/casebook_file.h"

/* The statements that an import runs for each attempt: preparing them takes longer. */
#define KEPT_STATEMENTS 8

struct casebook_file {
	sqlite3 *db;
	sqlite3 *sync_db; /* only for the sync thread */
	struct disk_sync *sync;
	atomic_bool truncate; /* the sync thread is to empty the write-ahead log */
	atomic_bool empties;  /* it does so: nobody else can write */
	uint64_t limit;	      /* bytes; 0 = none */
	int64_t page_bytes;
	char *reserve;	   /* path of the reserve */
	bool grouped;	   /* casebook_file_begin() */
	uint64_t bytes;	   /* of the rows, when there were `bytes_changes`; 0 = not counted yet */
	int bytes_changes; /* sqlite3_total_changes() */
	struct {
		const char *text;
		sqlite3_stmt *statement;
	} kept[KEPT_STATEMENTS];
	char host_id[HOST_ID_SIZE];
};

/* Begins a transaction of its own, if it is not part of a group. */
int casebook_file_enter(struct casebook_file *file);
/* Ends it: commits if `r` is not negative, else rolls back. Returns the result. */
int casebook_file_leave(struct casebook_file *file, int r);
/* A statement that stays prepared: CLEANUP(sql_resetp). `text` must live for ever. Returns 0 or a
 * negative errno. */
int casebook_file_prepare(struct casebook_file *file, const char *text, sqlite3_stmt **ret);
/* Within a transaction: writes an attempt with all of its corrections; replaces it if it exists.
 * Returns 0 or a negative errno. */
int casebook_file_put(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);
/* Parameters 1 to 8: ecid, udid, id, at_us, kind, text, amends, by. What they point at must live
 * until the statement ends. */
void casebook_file_bind_note(
	sqlite3_stmt *statement, const struct identity *identity, const struct note *note);
/* Within a transaction: stores a correction. Returns 1 if it is new, else 0, or a negative
 * errno. */
int casebook_file_put_correction(struct casebook_file *file, const struct correction *correction);
/* Within a transaction: stores the corrections of a seal. *ret, which the caller frees, is a copy
 * of its attempt with all corrections, those of other benches too; NULL = it has none. Returns 0 or
 * a negative errno with *ret NULL. */
int casebook_file_settle(
	struct casebook_file *file, const struct casebook_seal *seal, struct triage_case **ret);
/* Within a transaction: makes room for a watched session. Returns 0 or a negative errno. */
int casebook_file_make_room(struct casebook_file *file);
/* The reserve is a file that only takes room on the disk. On a full disk it is deleted, so that a
 * purge, which writes before it deletes, has some. This call takes the room, or as much of it as
 * the disk has. */
void casebook_file_take_reserve(struct casebook_file *file);
