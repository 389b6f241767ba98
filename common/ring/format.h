/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layout of a ring in memory: header, records and checksums. Private to this folder; it neither
 * walks nor decides.
 *
 * All numbers are little-endian. The first page is the header, the last is a copy of its identity,
 * the rest is the arena:
 *
 *   identity | lease | bounds | ...zeros  |  records ...  |  identity again ...zeros
 *   0          64      128                  4096             size - 4096
 *
 * The arena is circular. Positions count bytes since the ring was created and never decrease; the
 * place of a position is position % arena size. Records begin at multiples of 8 and are never
 * split: if one does not fit before the end of the arena, a padding record fills the gap (or
 * nothing, if the gap is smaller than a record header).
 *
 * A record's header and its payload each have a CRC-32C, so that a walk over headers alone can
 * trust them. The header's checksum is salted with the ring's id and the record's place: bytes that
 * only look like a record (inside a payload, or copied from elsewhere) fail it. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/id.h"

#define RING_MAGIC "itriring"
#define RING_VERSION 1
#define RING_PAGE_BYTES 4096
#define RING_ALIGN 8
#define RING_PAYLOAD_MAX 16384		      /* bytes */
#define RING_ARENA_MIN (16 * RING_PAGE_BYTES) /* bytes; room for a few of the largest records */
#define RING_BYTES_MAX (UINT64_C(1) << 32)    /* the whole ring */
#define RING_SEQUENCE_MAX (UINT64_C(1) << 62)

/* Sequence numbers have an era in their upper half. A new era begins when numbers may be in use
 * that are not on disk: after a power cut. */
#define RING_ERA (UINT64_C(1) << 32)

/* Features of a ring that this code supports. With unknown compatible features: read only. With
 * unknown incompatible features: do not read. */
#define RING_COMPATIBLE_KNOWN 0u
#define RING_INCOMPATIBLE_KNOWN 0u

#define RECORD_FLAG_PADDING 1u

struct ring_identity {
	uint8_t magic[8];
	uint32_t version;
	uint32_t compatible;
	uint32_t incompatible;
	uint32_t header_bytes;
	uint64_t arena_bytes;
	struct uuid id;
	uint64_t created_us;
	uint32_t reserved;
	uint32_t crc; /* over the bytes before it */
};

/* Written to disk before any number is used. All numbers of this writer are below `limit`: if it is
 * uncertain which were used, numbering continues from there. */
struct ring_lease {
	uint64_t limit;
	struct uuid boot; /* of the kernel under which the writer runs */
	uint32_t clean;	  /* 1 if the writer ended cleanly, after its last sync */
	uint32_t crc;	  /* over the bytes before it */
};

/* Written by the one writer, each by a single store. tail <= head <= tail + arena size. Stored in
 * this order: tail_sequence, tail, (record), head, next_sequence; loaded in the opposite one. */
struct ring_bounds {
	uint64_t head;		/* position after the newest record */
	uint64_t tail;		/* position of the oldest */
	uint64_t tail_sequence; /* lowest number that the oldest may have */
	uint64_t next_sequence; /* number of the next record */
};

struct ring_header {
	struct ring_identity identity;
	struct ring_lease lease;
	uint8_t unused[32];
	struct ring_bounds bounds;
};

struct ring_record_header {
	uint32_t header_crc; /* over the whole header, with the place / 8 in this field */
	uint32_t length;     /* of the payload */
	uint64_t sequence;
	uint64_t wall_us;
	uint64_t monotonic_us;
	struct uuid session;
	uint16_t kind;
	uint16_t flags;
	uint32_t payload_crc; /* last: the header's checksum can be computed without it */
};

_Static_assert(sizeof(struct ring_identity) == 64, "layout on disk");
_Static_assert(sizeof(struct ring_lease) == 32, "layout on disk");
_Static_assert(offsetof(struct ring_header, bounds) == 128, "layout on disk");
_Static_assert(sizeof(struct ring_record_header) == 56, "layout on disk");

#define RECORD_HEADER_BYTES sizeof(struct ring_record_header)

/* The arena of a ring, for reading. */
struct ring_area {
	const uint8_t *bytes;
	uint64_t size;
	uint32_t salt;
};

/* A record's header in the machine's own byte order. */
struct record_head {
	uint64_t sequence;
	struct stamp at;
	struct uuid session;
	uint32_t length;
	uint32_t payload_crc;
	uint16_t kind;
	uint16_t flags;
};

/* Bytes that a record with this payload takes in the arena. */
static inline uint64_t record_size(uint32_t length)
{
	return (RECORD_HEADER_BYTES + length + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
}

static inline uint64_t ring_era(uint64_t sequence)
{
	return sequence / RING_ERA;
}

/* The first number of the era after the one of `sequence`. */
static inline uint64_t ring_next_era(uint64_t sequence)
{
	return (ring_era(sequence) + 1) * RING_ERA;
}

/* A position and its place in the arena, stored to save a division. */
struct ring_point {
	uint64_t position;
	uint64_t place; /* position % arena size */
};

static inline struct ring_point ring_point_at(const struct ring_area *area, uint64_t position)
{
	return (struct ring_point){position, position % area->size};
}

/* The point `bytes` further, at most once around. */
static inline struct ring_point ring_point_after(
	const struct ring_area *area, struct ring_point point, uint64_t bytes)
{
	point.position += bytes;
	point.place += bytes;
	if (point.place >= area->size)
		point.place -= area->size;
	return point;
}

/* The next possible start of a record, at or after `point`: a gap at the end of the arena that is
 * too small is skipped. */
static inline struct ring_point ring_point_record(
	const struct ring_area *area, struct ring_point point)
{
	uint64_t room = area->size - point.place;

	return room < RECORD_HEADER_BYTES ? ring_point_after(area, point, room) : point;
}

/* Sets the checksum of an identity or a lease. */
void ring_identity_seal(struct ring_identity *identity);
void ring_lease_seal(struct ring_lease *lease);
bool ring_lease_valid(const struct ring_lease *lease);

/* Checks the identity in the ring of `size` bytes and returns its arena; *ret_intact is true if
 * both copies are good. Returns 0, -EBADMSG if it is not a ring or neither copy is good,
 * -EPROTONOSUPPORT for an unknown version or incompatible feature; for writing, also for an unknown
 * compatible one. */
int ring_identity_check(const void *bytes, uint64_t size, bool for_writing, bool *ret_intact,
	struct ring_area *ret);
/* The good copy of the identity; NULL if neither is good. */
const struct ring_identity *ring_identity_find(const void *bytes, uint64_t size);

/* Writes the 56 bytes of the header of the record at `place` to `out`, 8-byte aligned. */
void record_head_write(
	const struct ring_area *area, uint64_t place, const struct record_head *head, void *out);
/* Reads and checks the header at `place`. Returns false, *ret untouched, if there is none. The
 * bytes may change during the read: the returned header has passed the check. */
bool record_head_read(const struct ring_area *area, uint64_t place, struct record_head *ret);
/* Checks the `head->length` bytes of payload that belong to a header. */
bool record_payload_valid(const struct record_head *head, const void *payload);
