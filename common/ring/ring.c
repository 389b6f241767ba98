/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/ring/crc32c.h"
#include "common/ring/reader.h"
#include "common/ring/scan.h"

static void store(uint64_t *place, uint64_t value)
{
	__atomic_store_n(place, htole64(value), __ATOMIC_RELEASE);
}

static void store_lease(
	struct ring_header *header, uint64_t limit, const struct uuid *boot, bool clean)
{
	struct ring_lease lease = {.limit = htole64(limit), .boot = *boot, .clean = htole32(clean)};

	ring_lease_seal(&lease);
	header->lease = lease;
}

void ring_store_bounds(struct ring *ring)
{
	struct ring_bounds *bounds = &ring->header->bounds;

	store(&bounds->tail_sequence, ring->tail_sequence);
	store(&bounds->tail, ring->tail.position);
	store(&bounds->head, ring->head.position);
	store(&bounds->next_sequence, ring->next_sequence);
}

int ring_format(void *bytes, uint64_t size, const struct uuid *id, struct stamp now,
	uint64_t first_sequence)
{
	static const struct uuid no_boot;
	struct ring_header *header = bytes;
	struct ring_identity identity = {
		.version = htole32(RING_VERSION),
		.compatible = htole32(RING_COMPATIBLE_KNOWN),
		.incompatible = htole32(RING_INCOMPATIBLE_KNOWN),
		.header_bytes = htole32(RING_PAGE_BYTES),
		.arena_bytes = htole64(size - 2 * RING_PAGE_BYTES),
		.id = *id,
		.created_us = htole64(now.wall_us),
	};

	assert((uintptr_t)bytes % RING_ALIGN == 0);
	if (size < 2 * RING_PAGE_BYTES + RING_ARENA_MIN || size % RING_PAGE_BYTES != 0 ||
		size > RING_BYTES_MAX || first_sequence == 0 || first_sequence >= RING_SEQUENCE_MAX)
		return -EINVAL;
	memcpy(identity.magic, RING_MAGIC, sizeof(identity.magic));
	ring_identity_seal(&identity);
	header->identity = identity;
	memcpy((uint8_t *)bytes + size - RING_PAGE_BYTES, &identity, sizeof(identity));
	store_lease(header, ring_next_era(first_sequence), &no_boot, true);
	header->bounds = (struct ring_bounds){
		.tail_sequence = htole64(first_sequence), .next_sequence = htole64(first_sequence)};
	return 0;
}

static void repair_identity(void *bytes, uint64_t size)
{
	struct ring_identity good = *ring_identity_find(bytes, size);

	memcpy(bytes, &good, sizeof(good));
	memcpy((uint8_t *)bytes + size - RING_PAGE_BYTES, &good, sizeof(good));
}

/* True if the bytes show every sequence that the previous writer assigned. */
static bool lease_continues(const struct ring_lease *lease, const struct uuid *boot)
{
	return ring_lease_valid(lease) &&
	       (lease->clean || (!uuid_is_none(boot) && uuid_equal(boot, &lease->boot)));
}

static uint64_t unused_era(const struct ring_lease *lease, uint64_t next_sequence)
{
	uint64_t limit = ring_lease_valid(lease) ? le64toh(lease->limit) : 0;

	return limit > next_sequence ? limit : ring_next_era(next_sequence);
}

int ring_open(struct ring *ring, void *bytes, uint64_t size, const struct uuid *boot,
	struct ring_repair *ret_repair)
{
	struct ring_repair repair = {0};
	struct ring_extent stored, extent;
	struct ring_header *header = bytes;
	struct ring_area area;
	bool intact;
	int r;

	assert((uintptr_t)bytes % RING_ALIGN == 0);
	r = ring_identity_check(bytes, size, true, &intact, &area);
	if (r < 0)
		return r;
	if (!intact) {
		repair_identity(bytes, size);
		repair.identity = true;
	}
	stored = ring_bounds_load(&header->bounds);
	extent = ring_scan(&area, header);
	repair.bounds = memcmp(&stored, &extent, sizeof(stored)) != 0;
	*ring = (struct ring){
		.header = header,
		.arena = (uint8_t *)bytes + RING_PAGE_BYTES,
		.area = area,
		.head = ring_point_at(&area, extent.head),
		.tail = ring_point_at(&area, extent.tail),
		.tail_sequence = extent.tail_sequence,
		.next_sequence = extent.next_sequence,
	};
	repair.new_era = !lease_continues(&header->lease, boot);
	if (repair.new_era)
		ring_skip_to(ring, unused_era(&header->lease, ring->next_sequence));
	store_lease(header, ring_next_era(ring->next_sequence), boot, false);
	ring_store_bounds(ring);
	*ret_repair = repair;
	return 0;
}

void ring_skip_to(struct ring *ring, uint64_t sequence)
{
	if (sequence <= ring->next_sequence)
		return;
	/* Nothing is lost before the start of an empty ring. */
	if (ring->head.position == ring->tail.position)
		ring->tail_sequence = sequence;
	ring->next_sequence = sequence;
	if (sequence >= le64toh(ring->header->lease.limit))
		store_lease(
			ring->header, ring_next_era(sequence), &ring->header->lease.boot, false);
	ring_store_bounds(ring);
}

/* Skips the oldest record, or a part of damage: readers count damage until it is gone. */
static void drop_one(struct ring *ring)
{
	const struct ring_area *area = &ring->area;
	struct record_head head;
	uint64_t size = RING_ALIGN;

	ring->tail = ring_point_record(area, ring->tail);
	if (record_head_read(area, ring->tail.place, &head) &&
		head.sequence >= ring->tail_sequence && head.sequence <= ring->next_sequence) {
		size = record_size(head.length);
		if (!(head.flags & RECORD_FLAG_PADDING))
			ring->tail_sequence = head.sequence + 1;
	}
	ring->tail = ring_point_after(area, ring->tail, size);
}

/* Moves the tail to the first record at or after `position`. */
static void drop_oldest(struct ring *ring, uint64_t position)
{
	while (ring->tail.position < position && ring->tail.position < ring->head.position)
		drop_one(ring);
	if (ring->tail.position >= ring->head.position) {
		ring->tail = ring->head;
		ring->tail_sequence = ring->next_sequence;
	}
	store(&ring->header->bounds.tail_sequence, ring->tail_sequence);
	store(&ring->header->bounds.tail, ring->tail.position);
	/* The new data must not be visible before the new tail. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_padding(struct ring *ring, uint64_t place, uint64_t room)
{
	struct record_head head = {
		.sequence = ring->next_sequence,
		.length = (uint32_t)(room - RECORD_HEADER_BYTES),
		.flags = RECORD_FLAG_PADDING,
	};

	record_head_write(&ring->area, place, &head, ring->arena + place);
}

/* Makes room for a record of `size` bytes: drops old records, and pads if the record does not fit
 * before the end of the arena. */
static struct ring_point make_room(struct ring *ring, uint64_t size)
{
	uint64_t capacity = ring->area.size, room = capacity - ring->head.place;
	struct ring_point point = ring->head;

	if (size > room)
		point = ring_point_after(&ring->area, point, room);
	if (point.position + size > ring->tail.position + capacity)
		drop_oldest(ring, point.position + size - capacity);
	if (size > room && room >= RECORD_HEADER_BYTES)
		write_padding(ring, ring->head.place, room);
	return point;
}

static void append_as(struct ring *ring, uint64_t sequence, const struct ring_fields *fields,
	const void *payload, uint32_t length)
{
	uint64_t size = record_size(length);
	struct ring_point point = make_room(ring, size);
	uint8_t *record = ring->arena + point.place;
	struct record_head head = {
		.sequence = sequence,
		.at = fields->at,
		.session = fields->session,
		.length = length,
		.payload_crc = crc32c(0, payload, length),
		.kind = fields->kind,
	};

	if (length > 0)
		memcpy(record + RECORD_HEADER_BYTES, payload, length);
	record_head_write(&ring->area, point.place, &head, record);

	ring->head = ring_point_after(&ring->area, point, size);
	ring->next_sequence = sequence + 1;
	store(&ring->header->bounds.head, ring->head.position);
	store(&ring->header->bounds.next_sequence, ring->next_sequence);

	/* Extends the lease half an era ahead: a sync happens long before these sequences are
	 * used. */
	if (sequence % RING_ERA == RING_ERA / 2)
		store_lease(ring->header, ring_next_era(sequence) + RING_ERA,
			&ring->header->lease.boot, false);
}

int64_t ring_append(
	struct ring *ring, const struct ring_fields *fields, const void *payload, size_t length)
{
	uint64_t sequence = ring->next_sequence;

	if (length > RING_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (sequence >= RING_SEQUENCE_MAX - RING_ERA * 2)
		return -EOVERFLOW;
	append_as(ring, sequence, fields, payload, (uint32_t)length);
	return (int64_t)sequence;
}

int ring_import(struct ring *ring, const struct ring_record *record)
{
	struct ring_fields fields = {
		.at = record->at, .session = record->session, .kind = record->kind};

	if (record->length > RING_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (record->sequence < ring->next_sequence)
		return -ESTALE;
	if (record->sequence >= RING_SEQUENCE_MAX - RING_ERA * 2)
		return -EOVERFLOW;
	append_as(ring, record->sequence, &fields, record->payload, (uint32_t)record->length);
	/* The lease must cover the copied records too. */
	if (ring_era(record->sequence) >= ring_era(le64toh(ring->header->lease.limit)))
		store_lease(ring->header, ring_next_era(record->sequence),
			&ring->header->lease.boot, false);
	return 0;
}

void ring_erase(
	struct ring *ring, const struct ring_cursor *cursor, const struct ring_record *record)
{
	uint32_t length = (uint32_t)record->length;
	struct ring_point point =
		ring_point_at(&ring->area, cursor->at.position - record_size(length));
	uint8_t *bytes = ring->arena + point.place;
	struct record_head head = {
		.sequence = record->sequence, .at = record->at, .length = length};

	memset(bytes + RECORD_HEADER_BYTES, 0, length);
	head.payload_crc = crc32c(0, bytes + RECORD_HEADER_BYTES, length);
	record_head_write(&ring->area, point.place, &head, bytes);
}

/* Zeros the bytes from `from` to `to`; leaves blocks alone that are zero, which the file may not
 * even have. */
static void wipe(struct ring *ring, struct ring_point from, uint64_t to)
{
	static const uint8_t zeros[RING_PAGE_BYTES];

	while (from.position < to) {
		uint64_t size = to - from.position, room = ring->area.size - from.place;
		uint8_t *bytes = ring->arena + from.place;

		size = size > room ? room : size;
		size = size > sizeof(zeros) ? sizeof(zeros) : size;
		if (memcmp(bytes, zeros, size) != 0)
			memset(bytes, 0, size);
		from = ring_point_after(&ring->area, from, size);
	}
}

/* Between the records, in padding and in damage. Returns the point after the record at `at`. */
static struct ring_point wipe_at(struct ring *ring, struct ring_point at)
{
	struct ring_point point = ring_point_record(&ring->area, at);
	struct record_head head;
	uint64_t used = 0, size = RING_ALIGN;

	wipe(ring, at, point.position);
	if (record_head_read(&ring->area, point.place, &head) &&
		head.sequence >= ring->tail_sequence && head.sequence <= ring->next_sequence) {
		size = record_size(head.length);
		used = RECORD_HEADER_BYTES;
		if (!(head.flags & RECORD_FLAG_PADDING))
			used += head.length;
	}
	at = ring_point_after(&ring->area, point, size);
	wipe(ring, ring_point_after(&ring->area, point, used), at.position);
	return at;
}

void ring_wipe(struct ring *ring)
{
	struct ring_point at = ring->tail;

	while (at.position < ring->head.position)
		at = wipe_at(ring, at);
	wipe(ring, ring->head, ring->tail.position + ring->area.size);
}

void ring_close(struct ring *ring)
{
	struct uuid boot = ring->header->lease.boot;

	store_lease(ring->header, ring_next_era(ring->next_sequence), &boot, true);
}

uint64_t ring_first_after(const void *bytes, uint64_t size)
{
	const struct ring_header *header = bytes;

	if (size < sizeof(*header) || !ring_lease_valid(&header->lease))
		return 1;
	return le64toh(header->lease.limit);
}
