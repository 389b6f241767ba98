/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring of records over bytes that the caller provides, usually a mapped file: new records
 * overwrite the oldest. One writer at a time; for reading see reader.h. It uses no file and no
 * clock and does not interpret payloads.
 *
 * After ring_append() returns, every reader of the bytes finds the record, even if the process is
 * killed right after. After a power cut, at most the records appended since the caller's last sync
 * are missing. */
#pragma once

#include "common/ring/format.h"

/* The caller's data for a record besides its payload. */
struct ring_fields {
	struct stamp at;
	struct uuid session; /* none if the record belongs to no session */
	uint16_t kind;
};

struct ring_cursor;
struct ring_record;

/* A ring open for writing. The numbers are the writer's own copies of the stored ones: another
 * process that writes to the bytes cannot mislead it. */
struct ring {
	struct ring_header *header;
	uint8_t *arena;
	struct ring_area area;
	struct ring_point head;
	struct ring_point tail;
	uint64_t tail_sequence;
	uint64_t next_sequence;
};

/* The findings and repairs of ring_open(). */
struct ring_repair {
	bool identity; /* one copy of the header's identity was damaged and has been repaired */
	bool bounds;   /* the stored bounds did not match the records */
	bool new_era; /* the previous writer did not end cleanly and the machine was restarted since
		       */
};

/* Creates an empty ring in `bytes`, which must be zero. `size` is a multiple of 4096 with room for
 * an arena of at least RING_ARENA_MIN between two pages. `id` salts the checksums: random,
 * different for each ring. Numbers begin at `first_sequence`: 1, or the result of
 * ring_first_after(). Returns 0, or -EINVAL. */
int ring_format(void *bytes, uint64_t size, const struct uuid *id, struct stamp now,
	uint64_t first_sequence);

/* Opens the ring in `bytes` (8-byte aligned, owned by the caller; must outlive *ring) for writing
 * and repairs a damaged copy of the identity and bounds that do not match the records. `boot` is
 * the running kernel's boot id, or none; if it differs from the last writer's, and that writer did
 * not end cleanly, numbering continues in a new era. The caller must sync the first page before it
 * appends: this guarantees that no number is used twice. Returns 0 (*ret_repair is set), -EBADMSG
 * if it is not a ring, -EPROTONOSUPPORT for a later version. */
int ring_open(struct ring *ring, void *bytes, uint64_t size, const struct uuid *boot,
	struct ring_repair *ret_repair);

/* Appends a record. Returns its sequence number, higher than every earlier one, -EMSGSIZE if the
 * payload is longer than RING_PAYLOAD_MAX, -EOVERFLOW if no numbers are left. */
int64_t ring_append(
	struct ring *ring, const struct ring_fields *fields, const void *payload, size_t length);

/* Appends a record of another ring under its own number. Returns 0, -ESTALE if the number is not
 * higher than all earlier ones, or as ring_append(). */
int ring_import(struct ring *ring, const struct ring_record *record);

/* Raises the number of the next record to `sequence` if it is lower: the numbers between may be in
 * use elsewhere. */
void ring_skip_to(struct ring *ring, uint64_t sequence);

/* Stores the bounds again from the writer's own copies after bytes were lost: then the rest is
 * readable. */
void ring_store_bounds(struct ring *ring);

/* Erases the last record returned by a cursor over this ring: only its number and time remain, with
 * kind 0, no session and zeros. A crash in the middle leaves a damaged record, which is erased as
 * well. */
void ring_erase(
	struct ring *ring, const struct ring_cursor *cursor, const struct ring_record *record);

/* Erases what is left of overwritten records: all bytes that belong to no record. */
void ring_wipe(struct ring *ring);

/* Records a clean end of the writer. Sync everything before it and the first page after it. Append
 * nothing afterwards. */
void ring_close(struct ring *ring);

/* The first number that the damaged or foreign ring in `bytes` cannot have used, if that can be
 * determined; else 1. */
uint64_t ring_first_after(const void *bytes, uint64_t size);
