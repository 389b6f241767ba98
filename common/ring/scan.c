/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/scan.h"

bool ring_extent_sane(const struct ring_extent *extent, uint64_t size)
{
	return extent->tail <= extent->head && extent->head - extent->tail <= size &&
	       extent->head <= RING_SEQUENCE_MAX && extent->head % RING_ALIGN == 0 &&
	       extent->tail % RING_ALIGN == 0 && extent->next_sequence <= RING_SEQUENCE_MAX &&
	       extent->tail_sequence > 0 && extent->tail_sequence <= extent->next_sequence;
}

static uint64_t load(const uint64_t *place)
{
	return le64toh(__atomic_load_n(place, __ATOMIC_ACQUIRE));
}

struct ring_extent ring_bounds_load(const struct ring_bounds *bounds)
{
	struct ring_extent extent;

	/* Reads in the opposite order of the writer: records below next_sequence lie before this
	 * head, and at most this tail_sequence are missing before the oldest. Repeats if records
	 * arrived meanwhile: the tail may then be past that head. */
	do {
		extent.next_sequence = load(&bounds->next_sequence);
		extent.head = load(&bounds->head);
		extent.tail = load(&bounds->tail);
		extent.tail_sequence = load(&bounds->tail_sequence);
	} while (load(&bounds->next_sequence) != extent.next_sequence ||
		 load(&bounds->head) != extent.head);
	return extent;
}

struct found_record {
	uint64_t sequence; /* 0 = none */
	uint64_t place;
	uint64_t size;
};

/* The valid record with the highest sequence. */
static struct found_record find_newest(const struct ring_area *area)
{
	struct found_record newest = {0};
	struct record_head head;
	uint64_t place = 0;

	while (place < area->size) {
		if (!record_head_read(area, place, &head) ||
			!record_payload_valid(&head, area->bytes + place + RECORD_HEADER_BYTES)) {
			place += RING_ALIGN;
			continue;
		}
		if (head.flags & RECORD_FLAG_PADDING) {
			/* After a power cut, the area of a padding may contain newer records. */
			place += RECORD_HEADER_BYTES;
			continue;
		}
		if (head.sequence > newest.sequence)
			newest = (struct found_record){
				head.sequence, place, record_size(head.length)};
		place += record_size(head.length);
	}
	return newest;
}

/* The first record at or after `start`, wrapping around once. */
static struct found_record find_oldest(
	const struct ring_area *area, uint64_t start, const struct found_record *newest)
{
	struct record_head head;

	for (uint64_t i = 0; i < area->size; i += RING_ALIGN) {
		uint64_t place = (start + i) % area->size;

		if (!record_head_read(area, place, &head))
			continue;
		/* After the newest valid record there are damaged ones and paddings: records under
		 * them were dropped earlier. */
		if (head.sequence > newest->sequence)
			i += record_size(head.length) - RING_ALIGN;
		else if (!(head.flags & RECORD_FLAG_PADDING))
			return (struct found_record){
				head.sequence, place, record_size(head.length)};
	}
	return *newest;
}

/* True if the stored tail is reliable: the stored bounds end with the newest record (or one that
 * was written but not yet noted), and begin with the record that they name. */
static bool stored_tail_right(const struct ring_area *area, const struct ring_extent *stored,
	const struct found_record *newest)
{
	uint64_t end = (newest->place + newest->size) % area->size;
	struct ring_point tail = ring_point_record(area, ring_point_at(area, stored->tail));
	struct record_head head;

	return (stored->head % area->size == end || stored->next_sequence == newest->sequence) &&
	       record_head_read(area, tail.place, &head) && head.sequence == stored->tail_sequence;
}

/* The sequence for the next record; `newest` is the highest found, and at most `missing` records
 * can be lost after it. */
static uint64_t next_number(const struct ring_extent *stored, const struct ring_lease *lease,
	uint64_t newest, uint64_t missing)
{
	uint64_t next = stored->next_sequence;

	if (next <= newest + 1)
		return newest + 1;
	if (next - newest - 1 <= missing)
		return next;
	/* The first sequence of an era without any surviving record. */
	if (next % RING_ERA == 0 && ring_lease_valid(lease) &&
		next + RING_ERA == le64toh(lease->limit))
		return next;
	/* The stored sequence is damaged. */
	if (ring_lease_valid(lease) && le64toh(lease->limit) > newest)
		return le64toh(lease->limit);
	return ring_next_era(newest);
}

/* No record is left: the ring is empty or completely damaged. */
static struct ring_extent empty_extent(const struct ring_extent *stored,
	const struct ring_lease *lease, const struct ring_area *area)
{
	struct ring_extent extent = {0};
	uint64_t most = area->size / RECORD_HEADER_BYTES;

	if (ring_extent_sane(stored, area->size) &&
		stored->next_sequence - stored->tail_sequence <= most &&
		(!ring_lease_valid(lease) || stored->next_sequence <= le64toh(lease->limit)))
		return *stored;
	extent.next_sequence = ring_lease_valid(lease) ? le64toh(lease->limit) : 1;
	extent.tail_sequence = extent.next_sequence;
	return extent;
}

/* The maximum number of records in a damaged area, from one position to another. */
static uint64_t records_between(const struct ring_area *area, uint64_t from, uint64_t to)
{
	return (to % area->size + area->size - from % area->size) % area->size /
	       RECORD_HEADER_BYTES;
}

struct ring_extent ring_scan(const struct ring_area *area, const struct ring_header *header)
{
	struct ring_extent stored = ring_bounds_load(&header->bounds), extent;
	struct found_record newest = find_newest(area), oldest;
	bool sane = ring_extent_sane(&stored, area->size);
	uint64_t end, used;

	if (newest.sequence == 0)
		return empty_extent(&stored, &header->lease, area);
	end = (newest.place + newest.size) % area->size;
	if (sane && stored_tail_right(area, &stored, &newest))
		oldest = (struct found_record){stored.tail_sequence, stored.tail % area->size, 0};
	else
		oldest = find_oldest(area, end, &newest);

	/* Positions continue from the stored ones, so that no current reader sees them decrease. */
	extent.head = end;
	if (sane && stored.head > end)
		extent.head += (stored.head - end + area->size - 1) / area->size * area->size;
	used = (end + area->size - oldest.place) % area->size;
	if (used == 0)
		used = area->size;
	if (extent.head < used)
		extent.head += area->size;
	extent.tail = extent.head - used;

	extent.tail_sequence = oldest.sequence;
	/* Bounds older than the records do not show what was dropped later. */
	if (sane && stored.next_sequence >= newest.sequence &&
		stored.tail_sequence < oldest.sequence &&
		oldest.sequence - stored.tail_sequence <=
			records_between(area, stored.tail, oldest.place))
		extent.tail_sequence = stored.tail_sequence;
	extent.next_sequence = next_number(&stored, &header->lease, newest.sequence,
		sane ? records_between(area, end, stored.head) : 0);
	return extent;
}
