/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a ring, in the writer's process or in another one while the writer is active. Writes
 * nothing. Returned records have passed their checks; missing ones are counted, never guessed. */
#pragma once

#include "common/ring/format.h"
#include "common/ring/scan.h"

/* A returned record. `payload` is in the cursor and valid until the cursor moves. */
struct ring_record {
	uint64_t sequence;
	struct stamp at;
	struct uuid session;
	uint16_t kind;
	const uint8_t *payload;
	size_t length;
	uint64_t
		lost_before; /* records missing between the previous returned record and this one */
};

/* The losses that a walk found. */
struct ring_loss {
	uint64_t damaged;   /* skipped places without a good record */
	uint64_t lost;	    /* sequence numbers that should have been there */
	uint64_t overtaken; /* of these: overwritten before the walk reached them */
	uint64_t restarts;  /* changes of era: before each, the machine stopped without a sync, and
			       the unsynced records may be missing */
};

/* A ring open for reading, over the caller's bytes. */
struct ring_reader {
	struct ring_area area;
	const struct ring_header *header;
	bool live;		   /* a writer keeps the stored bounds correct */
	uint64_t stored_next;	   /* not live: the stored value when `extent` was found */
	struct ring_extent extent; /* not live: found from the records */
};

/* A walk from old to new. Large (RING_PAYLOAD_MAX), but it owns nothing: use it on the stack or in
 * another struct. last <= floor, except while it catches up after a start or after being
 * overtaken. */
struct ring_cursor {
	const struct ring_reader *reader;
	struct ring_point at;
	uint64_t last;	  /* number of the last record passed: the next one is higher */
	uint64_t floor;	  /* numbers up to this one are accounted for */
	uint64_t lost;	  /* since the last returned record */
	bool overtaken;	  /* since the last good record */
	struct uuid only; /* records of other sessions are skipped; none = all records */
	struct ring_loss loss;
	uint8_t payload[RING_PAYLOAD_MAX];
};

/* Opens the ring in `bytes` (8-byte aligned, owned by the caller) for reading. If a writer has it
 * open, here or elsewhere (`live`), the stored bounds are used; else the bounds are found from the
 * records, which reads the whole ring. Returns 0, -EBADMSG if it is not a ring or is damaged beyond
 * reading, -EPROTONOSUPPORT for a later version. */
int ring_reader_init(struct ring_reader *reader, const void *bytes, uint64_t size, bool live);
/* The current bounds: positions and sequence numbers. */
struct ring_extent ring_reader_extent(const struct ring_reader *reader);

/* Starts a walk at the oldest record. `reader` must outlive the cursor. */
void ring_cursor_first(struct ring_cursor *cursor, const struct ring_reader *reader);
/* Starts a walk after the record `sequence`. If it is gone, the records up to the first remaining
 * one count as overtaken. */
void ring_cursor_after(
	struct ring_cursor *cursor, const struct ring_reader *reader, uint64_t sequence);
/* From here on returns only records of this session. Payloads of others are not read, so damage in
 * them is not detected. */
void ring_cursor_only(struct ring_cursor *cursor, const struct uuid *session);
/* Moves to the next record. Returns 1 with *ret set, 0 at the end (call again after an append),
 * -EBADMSG if the stored bounds are invalid. The cursor's `loss` grows. */
int ring_cursor_next(struct ring_cursor *cursor, struct ring_record *ret);
