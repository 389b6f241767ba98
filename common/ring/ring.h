/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring of records over bytes that the caller provides, usually a mapped file: append at the new
 * end, where the oldest make room. One writer at a time; reading is reader.h. It knows no files, no
 * clock, and not what the payloads mean.
 *
 * A record that ring_append() returned for is there for whoever reads the bytes next, also when
 * the process is killed right after. What a power cut leaves is up to the caller's syncs: at most
 * what was appended after the last one is missing. */
#pragma once

#include "common/ring/format.h"

/* What the caller tells of a record beside its payload. */
struct ring_fields {
	struct stamp at;
	struct uuid session; /* none where the record belongs to no session */
	uint16_t kind;
};

struct ring_cursor;
struct ring_record;

/* A ring open for writing. The numbers are the writer's own copies of the stored ones: nobody else
 * who can write to the bytes can lead it astray. */
struct ring {
	struct ring_header *header;
	uint8_t *arena;
	struct ring_area area;
	struct ring_point head;
	struct ring_point tail;
	uint64_t tail_sequence;
	uint64_t next_sequence;
};

/* What ring_open() found and did. */
struct ring_repair {
	bool identity; /* one copy of the header's identity was damaged and is right again */
	bool bounds;   /* the stored bounds were not what the records tell */
	bool new_era;  /* the writer before did not end in order and the machine was restarted since
			*/
};

/* Makes an empty ring of `bytes`, which must be zero: `size` a multiple of 4096 that leaves an
 * arena of at least RING_ARENA_MIN between two pages. `id` salts the checks: random, one a ring.
 * Numbers begin at `first_sequence`: 1, or what ring_first_after() tells. Returns 0, or -EINVAL. */
int ring_format(void *bytes, uint64_t size, const struct uuid *id, struct stamp now,
	uint64_t first_sequence);

/* Opens the ring in `bytes` (8-byte aligned; they stay the caller's and must outlive *ring) for
 * writing and repairs what can be: a damaged copy of the identity, bounds that do not agree with
 * the records. `boot` is the running kernel's boot id, or none; where it is another one than the
 * last writer's, and that did not end in order, numbers go on in a new era.
 * The caller must sync the first page before it appends: that is the promise that no number is
 * given out twice. Returns 0 (*ret_repair is set), -EBADMSG where it is no ring, -EPROTONOSUPPORT
 * where it is of a later kind. */
int ring_open(struct ring *ring, void *bytes, uint64_t size, const struct uuid *boot,
	struct ring_repair *ret_repair);

/* Appends a record. Returns its sequence number, higher than every one before, -EMSGSIZE where the
 * payload is longer than RING_PAYLOAD_MAX, -EOVERFLOW where there are no numbers left. */
int64_t ring_append(
	struct ring *ring, const struct ring_fields *fields, const void *payload, size_t length);

/* Appends a record of another ring under its own number. Returns 0, -ESTALE where the number is
 * not higher than all before, or as ring_append(). */
int ring_import(struct ring *ring, const struct ring_record *record);

/* Raises the number of the next record to `sequence`, where it is lower: the ones between may have
 * been given out elsewhere. */
void ring_skip_to(struct ring *ring, uint64_t sequence);

/* Stores the bounds anew from the writer's own copies, where the bytes were lost under it: then
 * what is left can be read. */
void ring_store_bounds(struct ring *ring);

/* Erases the record that the cursor, which walks over this ring, handed out last: what is left is
 * its number and time, with kind 0, no session and zeros. A crash in the middle leaves a damaged
 * record, which is no less gone. */
void ring_erase(
	struct ring *ring, const struct ring_cursor *cursor, const struct ring_record *record);

/* Notes that the writer ends in order. For after a sync of everything; sync the first page again
 * afterwards. Nothing may be appended any more. */
void ring_close(struct ring *ring);

/* The first number that the damaged or foreign ring in `bytes` cannot have given out, as far as it
 * can still be told: 1 where it cannot. */
uint64_t ring_first_after(const void *bytes, uint64_t size);
