/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a ring, in the writer's process or in another one while the writer goes on. Writes nothing;
 * what it hands out has passed its checks, and what is missing is counted, never guessed. */
#pragma once

#include "common/ring/format.h"
#include "common/ring/scan.h"

/* A record as it is handed out. `payload` lies in the cursor and holds until it moves on. */
struct ring_record {
	uint64_t sequence;
	struct stamp at;
	struct uuid session;
	uint16_t kind;
	const uint8_t *payload;
	size_t length;
	uint64_t lost_before; /* records missing between the one handed out before and this one */
};

/* What a walk came across. */
struct ring_loss {
	uint64_t damaged;   /* places that were no good record and were skipped */
	uint64_t lost;	    /* sequence numbers that should have been there */
	uint64_t overtaken; /* of these: overwritten before the walk came to them */
	uint64_t restarts;  /* times that the numbers go on in a new era: before it the machine
			     * ended without a sync, and the unsynced tail may be missing */
};

/* A ring open for reading, over bytes that the caller keeps. */
struct ring_reader {
	struct ring_area area;
	const struct ring_header *header;
	bool live;		   /* a writer holds the stored bounds right */
	uint64_t stored_next;	   /* not live: what stood there when `extent` was found */
	struct ring_extent extent; /* not live: what the records themselves tell */
};

/* A walk from old to new. Large (RING_PAYLOAD_MAX), but it owns nothing: for the stack or in
 * another struct. last <= floor, but while it catches up after a start or after having been
 * overtaken. */
struct ring_cursor {
	const struct ring_reader *reader;
	struct ring_point at;
	uint64_t last;	  /* number of the record walked over last: the next one is higher */
	uint64_t floor;	  /* numbers up to this one are accounted for */
	uint64_t lost;	  /* since the last record that was handed out */
	bool overtaken;	  /* since the last good record */
	struct uuid only; /* records of other sessions are passed by; none = all are wanted */
	struct ring_loss loss;
	uint8_t payload[RING_PAYLOAD_MAX];
};

/* Opens the ring in `bytes` (8-byte aligned, which stay the caller's) for reading. `live` says that
 * a writer has it open, here or elsewhere: then the stored bounds are used; else the records are
 * searched for them, which reads the whole ring. Returns 0, -EBADMSG where it is no ring or is
 * damaged beyond reading, -EPROTONOSUPPORT where it is of a later kind. */
int ring_reader_init(struct ring_reader *reader, const void *bytes, uint64_t size, bool live);
/* The current bounds: positions and sequence numbers. */
struct ring_extent ring_reader_extent(const struct ring_reader *reader);

/* Starts a walk at the oldest record. `reader` must outlive the cursor. */
void ring_cursor_first(struct ring_cursor *cursor, const struct ring_reader *reader);
/* Starts a walk after the record `sequence`, which may be gone already: then the records up to the
 * first that is left count as overtaken. */
void ring_cursor_after(
	struct ring_cursor *cursor, const struct ring_reader *reader, uint64_t sequence);
/* From here on hands out only records of this session. The payloads of others are not even
 * looked at, so damage in them stays unnoticed. */
void ring_cursor_only(struct ring_cursor *cursor, const struct uuid *session);
/* Goes on to the next record. Returns 1 with *ret set, 0 at the end (call again when more was
 * appended), -EBADMSG where the stored bounds make no sense. The cursor's `loss` grows. */
int ring_cursor_next(struct ring_cursor *cursor, struct ring_record *ret);

/* Walks over everything and tells what is missing. Returns the number of good records, or -EBADMSG.
 * *ret is set on success. */
int64_t ring_verify(const struct ring_reader *reader, struct ring_loss *ret);
