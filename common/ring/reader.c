/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/reader.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int ring_reader_init(struct ring_reader *reader, const void *bytes, uint64_t size, bool live)
{
	struct ring_area area;
	bool intact;
	int r;

	assert((uintptr_t)bytes % RING_ALIGN == 0);
	r = ring_identity_check(bytes, size, false, &intact, &area);
	if (r < 0)
		return r;
	*reader = (struct ring_reader){.area = area, .header = bytes, .live = live};
	if (!live) {
		reader->stored_next = ring_bounds_load(&reader->header->bounds).next_sequence;
		reader->extent = ring_scan(&area, reader->header);
	}
	return 0;
}

/* A changed number shows that a writer has opened the ring. */
static bool has_writer(const struct ring_reader *reader)
{
	return reader->live ||
	       ring_bounds_load(&reader->header->bounds).next_sequence != reader->stored_next;
}

struct ring_extent ring_reader_extent(const struct ring_reader *reader)
{
	return has_writer(reader) ? ring_bounds_load(&reader->header->bounds) : reader->extent;
}

/* Moves the cursor to the oldest record. Counts so far are kept. That record may be below
 * tail_sequence: the writer stores tail_sequence first. */
static void cursor_rewind(struct ring_cursor *cursor, const struct ring_extent *extent)
{
	cursor->at = ring_point_at(&cursor->reader->area, extent->tail);
	cursor->last = 0;
}

void ring_cursor_first(struct ring_cursor *cursor, const struct ring_reader *reader)
{
	struct ring_extent extent = ring_reader_extent(reader);

	memset(cursor, 0, offsetof(struct ring_cursor, payload));
	cursor->reader = reader;
	cursor_rewind(cursor, &extent);
	cursor->floor = extent.tail_sequence - 1;
}

void ring_cursor_after(
	struct ring_cursor *cursor, const struct ring_reader *reader, uint64_t sequence)
{
	ring_cursor_first(cursor, reader);
	if (sequence < cursor->floor)
		cursor->overtaken = true;
	cursor->floor = sequence;
}

void ring_cursor_only(struct ring_cursor *cursor, const struct uuid *session)
{
	cursor->only = *session;
}

/* Counts the missing sequences between the last one read and `next`. */
static void account(struct ring_cursor *cursor, uint64_t next)
{
	uint64_t gap;

	if (next <= cursor->floor + 1)
		return;
	if (ring_era(next) != ring_era(cursor->floor)) {
		/* Nobody knows how many more sequences the old era assigned. */
		cursor->loss.restarts++;
		return;
	}
	gap = next - cursor->floor - 1;
	cursor->loss.lost += gap;
	cursor->lost += gap;
	if (cursor->overtaken)
		cursor->loss.overtaken += gap;
}

/* True if the writer overwrote the cursor's position during the read; the cursor is then at the new
 * oldest record. */
static bool cursor_overtaken(struct ring_cursor *cursor)
{
	struct ring_extent extent;

	/* The copy must be complete before the tail is loaded. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	extent = ring_reader_extent(cursor->reader);
	if (extent.tail <= cursor->at.position)
		return false;
	cursor->overtaken = true;
	cursor_rewind(cursor, &extent);
	return true;
}

/* Reads the header at `point`, if a record there can follow the ones already read and ends before
 * the head. */
static bool read_next(const struct ring_cursor *cursor, const struct ring_extent *extent,
	struct ring_point point, struct record_head *ret)
{
	return record_head_read(&cursor->reader->area, point.place, ret) &&
	       ret->sequence > cursor->last &&
	       record_size(ret->length) <= extent->head - point.position;
}

/* Searches for the next possible header after the bad one at the cursor. */
static void cursor_skip_damage(struct ring_cursor *cursor, const struct ring_extent *extent)
{
	const struct ring_area *area = &cursor->reader->area;
	struct ring_point point = ring_point_after(area, cursor->at, RING_ALIGN);
	struct record_head head;

	while (point.position < extent->head && !read_next(cursor, extent, point, &head))
		point = ring_point_after(area, point, RING_ALIGN);
	if (cursor_overtaken(cursor))
		return;
	cursor->loss.damaged++;
	cursor->at = point;
}

/* At the end: counts the records that the sequences show to be missing. */
static void account_end(struct ring_cursor *cursor, uint64_t next)
{
	if (ring_era(next) != ring_era(cursor->floor) || next <= cursor->floor + 1)
		return;
	account(cursor, next);
	cursor->floor = next - 1;
}

/* Finds the next valid header. Returns 1 with *ret set and the cursor at its record, 0 at the end,
 * or -EBADMSG if the bounds are invalid. */
static int cursor_find(struct ring_cursor *cursor, struct record_head *ret)
{
	const struct ring_area *area = &cursor->reader->area;

	for (;;) {
		struct ring_extent extent = ring_reader_extent(cursor->reader);
		bool found;

		if (!ring_extent_sane(&extent, area->size))
			return -EBADMSG;
		if (cursor_overtaken(cursor))
			continue;
		if (cursor->at.position > extent.head) {
			cursor_rewind(cursor, &extent);
			continue;
		}
		if (cursor->at.position < extent.head)
			cursor->at = ring_point_record(area, cursor->at);
		if (cursor->at.position >= extent.head) {
			cursor->at = ring_point_at(area, extent.head);
			account_end(cursor, extent.next_sequence);
			return 0;
		}
		found = read_next(cursor, &extent, cursor->at, ret);
		if (cursor_overtaken(cursor))
			continue;
		if (!found)
			cursor_skip_damage(cursor, &extent);
		else if (ret->flags & RECORD_FLAG_PADDING)
			cursor->at = ring_point_after(area, cursor->at, record_size(ret->length));
		else
			return 1;
	}
}

/* Copies the payload of the record at the cursor. Returns false if it is damaged or was
 * overwritten. */
static bool cursor_copy(struct ring_cursor *cursor, const struct record_head *head)
{
	const struct ring_area *area = &cursor->reader->area;

	memcpy(cursor->payload, area->bytes + cursor->at.place + RECORD_HEADER_BYTES, head->length);
	if (cursor_overtaken(cursor))
		return false;
	if (record_payload_valid(head, cursor->payload))
		return true;
	cursor->loss.damaged++;
	cursor->last = head->sequence;
	cursor->at = ring_point_after(area, cursor->at, record_size(head->length));
	return false;
}

int ring_cursor_next(struct ring_cursor *cursor, struct ring_record *ret)
{
	struct record_head head;
	int r;

	for (;;) {
		bool wanted;

		r = cursor_find(cursor, &head);
		if (r <= 0)
			return r;
		wanted = head.sequence > cursor->floor &&
			 (uuid_is_none(&cursor->only) || uuid_equal(&cursor->only, &head.session));
		if (wanted && !cursor_copy(cursor, &head))
			continue;
		cursor->at = ring_point_after(
			&cursor->reader->area, cursor->at, record_size(head.length));
		cursor->last = head.sequence;
		if (head.sequence > cursor->floor) {
			account(cursor, head.sequence);
			cursor->floor = head.sequence;
			cursor->overtaken = false;
		}
		if (!wanted)
			continue;
		*ret = (struct ring_record){
			.sequence = head.sequence,
			.at = head.at,
			.session = head.session,
			.kind = head.kind,
			.payload = cursor->payload,
			.length = head.length,
			.lost_before = cursor->lost,
		};
		cursor->lost = 0;
		return 1;
	}
}
