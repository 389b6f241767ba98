/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/ring/reader.h"
#include "tests/unit/test.h"
#include "tests/unit/ring_verify.h"

#define SIZE (2 * RING_PAGE_BYTES + RING_ARENA_MIN)

static const struct uuid ring_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct uuid boot = {{0xb0, 0x07}};
static const struct uuid other_boot = {{0xb0, 0x08}};

/* A ring in memory. What append() writes tells its number and length in its bytes. */
struct fixture {
	uint8_t *bytes;
	struct ring ring;
	struct ring_repair repair;
	struct ring_cursor cursor;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->bytes = aligned_alloc(RING_PAGE_BYTES, SIZE);
	assert_non_null(f->bytes);
	memset(f->bytes, 0, SIZE);
	assert_int_equal(ring_format(f->bytes, SIZE, &ring_id, (struct stamp){.wall_us = 1}, 1), 0);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->bytes);
	free(f);
	return 0;
}

static uint8_t payload_byte(uint64_t sequence, size_t i)
{
	return (uint8_t)(sequence * 31 + i * 7 + (i >> 8));
}

static void fill(uint8_t *payload, size_t length, uint64_t sequence)
{
	for (size_t i = 0; i < length; i++)
		payload[i] = payload_byte(sequence, i);
}

static struct uuid session_of(uint64_t sequence)
{
	return (struct uuid){{(uint8_t)(sequence % 3)}}; /* 0: none */
}

static int64_t append(struct fixture *f, size_t length)
{
	static uint8_t payload[RING_PAYLOAD_MAX + 1];
	uint64_t sequence = f->ring.next_sequence;
	struct ring_fields fields = {
		.at = {.wall_us = sequence * 1000, .monotonic_us = sequence * 10},
		.session = session_of(sequence),
		.kind = (uint16_t)sequence,
	};

	fill(payload, length, sequence);
	return ring_append(&f->ring, &fields, payload, length);
}

static void append_many(struct fixture *f, unsigned count, size_t length)
{
	for (unsigned i = 0; i < count; i++)
		assert_true(append(f, length) > 0);
}

static void assert_record(const struct ring_record *record)
{
	struct uuid session = session_of(record->sequence);

	assert_int_equal(record->at.wall_us, record->sequence * 1000);
	assert_int_equal(record->at.monotonic_us, record->sequence * 10);
	assert_int_equal(record->kind, (uint16_t)record->sequence);
	assert_true(uuid_equal(&record->session, &session));
	for (size_t i = 0; i < record->length; i++)
		assert_int_equal(record->payload[i], payload_byte(record->sequence, i));
}

struct walked {
	unsigned count;
	uint64_t first;
	uint64_t last;
	struct ring_loss loss; /* of the cursor so far */
};

/* Walks to the end; each record must be right and numbered higher than the one before. */
static struct walked walk(struct ring_cursor *cursor)
{
	struct walked walked = {0};
	struct ring_record record;
	int r;

	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		assert_record(&record);
		assert_true(record.sequence > walked.last);
		walked.last = record.sequence;
		walked.first = walked.first ? walked.first : walked.last;
		walked.count++;
	}
	assert_int_equal(r, 0);
	walked.loss = cursor->loss;
	return walked;
}

static struct walked walk_all(struct fixture *f, bool live)
{
	struct ring_reader reader;

	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, live), 0);
	ring_cursor_first(&f->cursor, &reader);
	return walk(&f->cursor);
}

static void assert_no_loss(const struct ring_loss *loss)
{
	assert_int_equal(loss->damaged, 0);
	assert_int_equal(loss->lost, 0);
	assert_int_equal(loss->overtaken, 0);
	assert_int_equal(loss->restarts, 0);
}

/* As after a kill: the bytes stay, the writer's memory goes. */
static void reopen(struct fixture *f)
{
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), 0);
}

static void empty(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	walked = walk_all(f, true);
	assert_int_equal(walked.count, 0);
	walked = walk_all(f, false);
	assert_int_equal(walked.count, 0);
	assert_no_loss(&walked.loss);
	assert_false(f->repair.identity || f->repair.bounds || f->repair.new_era);
}

static void appends_and_walks(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	for (size_t length = 0; length < 100; length++)
		assert_int_equal(append(f, length), (int64_t)length + 1);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 100);
	assert_int_equal(walked.first, 1);
	assert_int_equal(walked.last, 100);
	assert_no_loss(&walked.loss);
	walked = walk_all(f, false);
	assert_int_equal(walked.count, 100);
	assert_no_loss(&walked.loss);
}

static void full_size_record(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	assert_int_equal(append(f, RING_PAYLOAD_MAX + 1), -EMSGSIZE);
	append_many(f, 20, RING_PAYLOAD_MAX);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 3);
	assert_int_equal(walked.last, 20);
	assert_no_loss(&walked.loss);
}

/* Every length in turn, so that every remainder at the arena's end occurs: with room for a padding,
 * without, and exactly full. After each append, all readers agree on an unbroken end. */
static void wraps(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	for (unsigned i = 1; i < 3000; i++) {
		assert_int_equal(append(f, i * 37 % 701), i);
		if (i % 7 != 0)
			continue;
		walked = walk_all(f, true);
		assert_int_equal(walked.count, walked.last - walked.first + 1);
		assert_int_equal(walked.last, i);
		assert_no_loss(&walked.loss);
		assert_true(i < 300 || walked.last - walked.first > 100);
		walked = walk_all(f, false);
		assert_int_equal(walked.count, walked.last - walked.first + 1);
		assert_int_equal(walked.last, i);
		assert_no_loss(&walked.loss);
	}
}

static void reopens_after_kill(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	for (unsigned i = 1; i < 2000; i++) {
		assert_int_equal(append(f, i * 53 % 997), i);
		if (i % 3 != 0)
			continue;
		reopen(f);
		assert_false(f->repair.bounds || f->repair.identity || f->repair.new_era);
		walked = walk_all(f, true);
		assert_int_equal(walked.count, walked.last - walked.first + 1);
		assert_int_equal(walked.last, i);
		assert_no_loss(&walked.loss);
	}
}

/* Killed after any number of the bytes of an append were written: all that were appended before are
 * there, and the next number is above every one that was. */
static void torn_append(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) uint8_t *before = malloc(SIZE);
	CLEANUP(freep) uint8_t *after = malloc(SIZE);
	struct walked walked;

	append_many(f, 1000, 150);
	memcpy(before, f->bytes, SIZE);
	append_many(f, 1, 150);
	memcpy(after, f->bytes, SIZE);
	for (size_t torn = 0; torn < record_size(150); torn++) {
		uint64_t place = (f->ring.head.position - record_size(150)) % RING_ARENA_MIN;
		size_t start = RING_PAGE_BYTES + place;
		struct ring_header *header = (void *)f->bytes;
		const struct ring_header *done = (const void *)after;

		/* Tail noted, some of the record, head not noted. */
		memcpy(f->bytes, before, SIZE);
		header->bounds.tail = done->bounds.tail;
		header->bounds.tail_sequence = done->bounds.tail_sequence;
		memcpy(f->bytes + start, after + start, torn);
		reopen(f);
		walked = walk_all(f, true);
		assert_int_equal(walked.count, walked.last - walked.first + 1);
		assert_int_equal(walked.last, 1000);
		assert_int_equal(append(f, 10), 1001);
		assert_no_loss(&walked.loss);
	}
	/* The whole record, head not noted. */
	memcpy(f->bytes, after, SIZE);
	memcpy(f->bytes + offsetof(struct ring_header, bounds.head),
		before + offsetof(struct ring_header, bounds.head), sizeof(uint64_t));
	memcpy(f->bytes + offsetof(struct ring_header, bounds.next_sequence),
		before + offsetof(struct ring_header, bounds.next_sequence), sizeof(uint64_t));
	reopen(f);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, walked.last - walked.first + 1);
	assert_int_equal(walked.last, 1001);
	assert_no_loss(&walked.loss);
}

/* One flipped bit anywhere costs one record at most, which is told, and no number is given twice.
 */
static void flip_at(struct fixture *f, const uint8_t *good, size_t at, unsigned records)
{
	struct walked walked;
	int64_t next;

	memcpy(f->bytes, good, SIZE);
	f->bytes[at] ^= (uint8_t)(1u << (at * 5 % 8));
	walked = walk_all(f, false);
	assert_true(walked.count >= records - 1 && walked.count <= records + 1);
	if (walked.count < records)
		assert_true(walked.loss.lost >= 1);
	reopen(f);
	walked = walk_all(f, true);
	assert_true(walked.count >= records - 1);
	if (walked.count < records)
		assert_true(walked.loss.lost >= 1);
	next = append(f, 100);
	assert_true(next > 1500);
	walked = walk_all(f, true);
	assert_int_equal(walked.last, next);
}

static void flip_of_each_byte(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) uint8_t *good = malloc(SIZE);
	unsigned records;

	append_many(f, 1500, 130);
	records = walk_all(f, true).count;
	assert_true(records > 300);
	memcpy(good, f->bytes, SIZE);
	for (size_t at = 0; at < 256; at++)
		flip_at(f, good, at, records);
	for (size_t at = SIZE - RING_PAGE_BYTES; at < SIZE - RING_PAGE_BYTES + 64; at++)
		flip_at(f, good, at, records);
	/* Every byte of some records: in the middle, around the wrap and the newest end. */
	for (size_t at = 0; at < 400; at++) {
		flip_at(f, good, RING_PAGE_BYTES + at, records);
		flip_at(f, good, SIZE - RING_PAGE_BYTES - 400 + at, records);
		flip_at(f, good,
			RING_PAGE_BYTES + (f->ring.head.position + RING_ARENA_MIN - 300 + at) %
						  RING_ARENA_MIN,
			records);
	}
	for (size_t at = RING_PAGE_BYTES; at < SIZE - RING_PAGE_BYTES; at += 61)
		flip_at(f, good, at, records);
}

/* A damaged record in the middle is told with its number, and the rest is served. */
static void damage_is_told(void **state)
{
	struct fixture *f = *state;
	struct ring_reader reader;
	struct ring_record record;
	struct ring_loss loss;
	uint64_t sequence = 0;

	append_many(f, 20, 100);
	f->bytes[RING_PAGE_BYTES + 4 * record_size(100) + 3] ^= 1;     /* header of 5 */
	f->bytes[RING_PAGE_BYTES + 9 * record_size(100) + 60] ^= 0x80; /* payload of 10 */
	memset(f->bytes + RING_PAGE_BYTES + 14 * record_size(100), 0xff, 2 * record_size(100));
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_first(&f->cursor, &reader);
	while (ring_cursor_next(&f->cursor, &record) > 0) {
		uint64_t lost = record.sequence == 6 || record.sequence == 11 ? 1
				: record.sequence == 17			      ? 2
									      : 0;

		assert_record(&record);
		assert_int_equal(record.sequence, sequence + lost + 1);
		assert_int_equal(record.lost_before, lost);
		sequence = record.sequence;
	}
	assert_int_equal(sequence, 20);
	assert_int_equal(ring_verify(&reader, &loss), 16);
	assert_int_equal(loss.damaged, 3);
	assert_int_equal(loss.lost, 4);
	assert_int_equal(loss.overtaken, 0);
}

/* Bytes in a payload that are a good record elsewhere are not taken for one. */
static void payload_is_no_record(void **state)
{
	struct fixture *f = *state;
	struct ring_fields fields = {.kind = 9};
	struct walked walked;
	uint8_t image[512];

	append_many(f, 40, 56);
	/* The image of record 40 within record 41, then the header of 41 is damaged. */
	memcpy(image, f->bytes + RING_PAGE_BYTES + 39 * record_size(56), record_size(56));
	for (size_t at = record_size(56); at < sizeof(image); at++)
		image[at] = image[at - record_size(56)];
	assert_int_equal(ring_append(&f->ring, &fields, image, sizeof(image)), 41);
	append_many(f, 1, 56);
	f->bytes[RING_PAGE_BYTES + 40 * record_size(56) + 20] ^= 4;
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 41);
	assert_int_equal(walked.loss.damaged, 1);
	assert_int_equal(walked.loss.lost, 1);
}

static void sequence_never_repeats(void **state)
{
	struct fixture *f = *state;
	struct walked walked;
	uint64_t last;

	append_many(f, 700, 120);
	/* The newest five are wiped out, and with them the stored number. */
	memset(f->bytes + RING_PAGE_BYTES +
			(f->ring.head.position - 5 * record_size(120)) % RING_ARENA_MIN,
		0, record_size(120) * 5);
	reopen(f);
	assert_int_equal(append(f, 10), 701);
	walked = walk_all(f, true);
	assert_int_equal(walked.last, 701);
	assert_int_equal(walked.loss.lost, 5);
	/* And with the record that told: still not again, also after one more kill. */
	((struct ring_header *)(void *)f->bytes)->bounds.next_sequence ^= htole64(1u << 30);
	reopen(f);
	assert_true(f->repair.bounds);
	last = f->ring.next_sequence;
	assert_true(last > 701);
	reopen(f);
	assert_int_equal(f->ring.next_sequence, last);
	assert_int_equal(append(f, 10), last);
}

static void power_cut_begins_an_era(void **state)
{
	struct fixture *f = *state;
	struct walked walked;

	append_many(f, 10, 100);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &other_boot, &f->repair), 0);
	assert_true(f->repair.new_era);
	assert_int_equal(append(f, 100), RING_ERA);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 11);
	assert_int_equal(walked.last, RING_ERA);
	assert_int_equal(walked.loss.restarts, 1);
	assert_int_equal(walked.loss.lost, 0);
	/* A boot that is not known could be any. */
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &(struct uuid){{0}}, &f->repair), 0);
	assert_true(f->repair.new_era);
	/* Nothing was appended in that era; the next is one further, the same boot stays. */
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), 0);
	assert_int_equal(f->ring.next_sequence, 3 * RING_ERA);
	reopen(f);
	assert_int_equal(append(f, 100), 3 * RING_ERA);
}

static void end_in_order_keeps_the_era(void **state)
{
	struct fixture *f = *state;

	append_many(f, 10, 100);
	ring_close(&f->ring);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &other_boot, &f->repair), 0);
	assert_false(f->repair.new_era);
	assert_int_equal(append(f, 100), 11);
	/* It is open again: the next power cut counts. */
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), 0);
	assert_true(f->repair.new_era);
}

/* Pages reach the disk in any order: an old lap's page among new ones is seen as damage. */
static void lost_page_writes(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) uint8_t *old = malloc(SIZE);
	struct walked walked;

	for (unsigned page = 0; page < RING_ARENA_MIN / RING_PAGE_BYTES; page++) {
		uint64_t start = f->ring.next_sequence;

		append_many(f, 600, 90);
		memcpy(old, f->bytes, SIZE);
		append_many(f, 600, 90);
		memcpy(f->bytes + RING_PAGE_BYTES * (page + 1), old + RING_PAGE_BYTES * (page + 1),
			RING_PAGE_BYTES);
		reopen(f);
		walked = walk_all(f, true);
		assert_true(walked.first >= start);
		assert_true(f->ring.next_sequence >= start + 1200);
		append_many(f, 1, 90);
		walked = walk_all(f, true);
		assert_true(walked.loss.lost > 20);
		assert_int_equal(walked.last, start + 1200);
	}
}

/* The header's page is older than all others. */
static void lost_header_write(void **state)
{
	struct fixture *f = *state;
	uint8_t old[RING_PAGE_BYTES];
	struct walked walked;

	append_many(f, 600, 90);
	memcpy(old, f->bytes, sizeof(old));
	append_many(f, 700, 90);
	memcpy(f->bytes, old, sizeof(old));
	walked = walk_all(f, false);
	assert_true(walked.count > 400);
	assert_int_equal(walked.last, 1300);
	reopen(f);
	assert_true(f->repair.bounds);
	walked = walk_all(f, true);
	assert_true(walked.count > 400);
	assert_int_equal(walked.last, 1300);
	assert_int_equal(walked.loss.lost, 0);
	assert_int_equal(append(f, 10), 1301);
}

static void after_a_sequence(void **state)
{
	struct fixture *f = *state;
	struct ring_reader reader;
	struct walked walked;

	append_many(f, 100, 50);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_after(&f->cursor, &reader, 60);
	walked = walk(&f->cursor);
	assert_int_equal(walked.count, 40);
	assert_int_equal(walked.first, 61);
	assert_int_equal(f->cursor.loss.lost, 0);
	/* At the end, and on when there is more. */
	append_many(f, 3, 50);
	walked = walk(&f->cursor);
	assert_int_equal(walked.count, 3);
	assert_int_equal(walked.first, 101);
	/* What is gone already is told. */
	append_many(f, 2000, 50);
	ring_cursor_after(&f->cursor, &reader, 60);
	walked = walk(&f->cursor);
	assert_int_equal(walked.last, 2103);
	assert_int_equal(f->cursor.loss.lost, walked.first - 61);
	assert_int_equal(f->cursor.loss.overtaken, walked.first - 61);
}

static void one_session(void **state)
{
	struct fixture *f = *state;
	struct uuid session = session_of(2);
	struct ring_reader reader;
	struct ring_record record;
	unsigned count = 0;

	append_many(f, 300, 50);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_first(&f->cursor, &reader);
	ring_cursor_only(&f->cursor, &session);
	while (ring_cursor_next(&f->cursor, &record) > 0) {
		assert_record(&record);
		assert_int_equal(record.sequence % 3, 2);
		count++;
	}
	assert_int_equal(count, 100);
	assert_no_loss(&f->cursor.loss);
}

/* The writer laps a reader that stands still. */
static void reader_overtaken(void **state)
{
	struct fixture *f = *state;
	struct ring_reader reader;
	struct walked walked;
	struct ring_record record;

	append_many(f, 100, 100);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_first(&f->cursor, &reader);
	for (unsigned i = 1; i <= 10; i++) {
		assert_int_equal(ring_cursor_next(&f->cursor, &record), 1);
		assert_int_equal(record.sequence, i);
	}
	append_many(f, 2000, 100);
	assert_int_equal(ring_cursor_next(&f->cursor, &record), 1);
	assert_record(&record);
	assert_true(record.sequence > 1000);
	assert_int_equal(record.lost_before, record.sequence - 11);
	assert_int_equal(f->cursor.loss.overtaken, record.lost_before);
	assert_int_equal(f->cursor.loss.damaged, 0);
	walked = walk(&f->cursor);
	assert_int_equal(walked.last, 2100);
	assert_int_equal(f->cursor.loss.overtaken, f->cursor.loss.lost);
}

/* A reader that found no writer notices when one comes. */
static void writer_comes(void **state)
{
	struct fixture *f = *state;
	struct ring_reader reader;
	struct walked walked;
	struct ring_record record;

	append_many(f, 100, 100);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), 0);
	ring_cursor_first(&f->cursor, &reader);
	assert_int_equal(ring_cursor_next(&f->cursor, &record), 1);
	reopen(f);
	append_many(f, 5000, 100);
	walked = walk(&f->cursor);
	assert_int_equal(walked.last, 5100);
	assert_int_equal(f->cursor.loss.damaged, 0);
	assert_true(f->cursor.loss.overtaken > 4000);
}

/* Killed between the two stores that drop the oldest record: it is dropped, and not damaged. */
static void half_dropped(void **state)
{
	struct fixture *f = *state;
	struct ring_header *header = (void *)f->bytes;
	struct walked walked;

	append_many(f, 100, 100);
	header->bounds.tail_sequence = htole64(2);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 99);
	assert_no_loss(&walked.loss);
	reopen(f);
	walked = walk_all(f, true);
	assert_int_equal(walked.count, 100);
	assert_no_loss(&walked.loss);
}

static void seal_identity(struct fixture *f)
{
	struct ring_identity *identity = (void *)f->bytes;

	ring_identity_seal(identity);
	memcpy(f->bytes + SIZE - RING_PAGE_BYTES, identity, sizeof(*identity));
}

static void versions_and_features(void **state)
{
	struct fixture *f = *state;
	struct ring_identity *identity = (void *)f->bytes;
	struct ring_reader reader;

	append_many(f, 3, 10);
	identity->compatible = htole32(1u << 31);
	seal_identity(f);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), 0);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), -EPROTONOSUPPORT);
	identity->compatible = 0;
	identity->incompatible = htole32(1);
	seal_identity(f);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), -EPROTONOSUPPORT);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), -EPROTONOSUPPORT);
	identity->incompatible = 0;
	identity->version = htole32(RING_VERSION + 1);
	seal_identity(f);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), -EPROTONOSUPPORT);
	identity->version = htole32(RING_VERSION);
	seal_identity(f);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), 0);
	/* The numbers go on above those of a ring that cannot be used. */
	assert_int_equal(ring_first_after(f->bytes, SIZE), RING_ERA);
}

static void not_a_ring(void **state)
{
	struct fixture *f = *state;
	struct ring_reader reader;

	assert_int_equal(ring_reader_init(&reader, f->bytes, 0, false), -EBADMSG);
	assert_int_equal(ring_reader_init(&reader, f->bytes, 100, false), -EBADMSG);
	assert_int_equal(
		ring_reader_init(&reader, f->bytes, SIZE - RING_PAGE_BYTES, false), -EBADMSG);
	memset(f->bytes, 0, SIZE);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, false), -EBADMSG);
	memset(f->bytes, 0xff, SIZE);
	assert_int_equal(ring_open(&f->ring, f->bytes, SIZE, &boot, &f->repair), -EBADMSG);
	assert_int_equal(ring_first_after(f->bytes, SIZE), 1);
	assert_int_equal(
		ring_format(f->bytes, SIZE - RING_PAGE_BYTES, &ring_id, (struct stamp){0}, 1),
		-EINVAL);
	assert_int_equal(ring_format(f->bytes, SIZE + 8, &ring_id, (struct stamp){0}, 1), -EINVAL);
}

static void imports(void **state)
{
	struct fixture *f = *state, *other;
	struct ring_reader reader;
	struct ring_record record;
	struct walked walked;
	void *second;

	assert_int_equal(setup(&second), 0);
	other = second;
	append_many(f, 1000, 200);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_after(&f->cursor, &reader, 900);
	ring_skip_to(&other->ring, 901);
	while (ring_cursor_next(&f->cursor, &record) > 0) {
		assert_int_equal(ring_import(&other->ring, &record), 0);
		assert_int_equal(ring_import(&other->ring, &record), -ESTALE);
	}
	walked = walk_all(other, true);
	assert_int_equal(walked.count, 100);
	assert_int_equal(walked.first, 901);
	assert_int_equal(walked.last, 1000);
	assert_no_loss(&walked.loss);
	assert_int_equal(append(other, 10), 1001);
	teardown(&second);
}

/* What is erased is gone byte by byte; the numbers and the other records stay. */
static void erases(void **state)
{
	struct fixture *f = *state;
	struct ring_cursor *cursor = &f->cursor;
	struct ring_reader reader;
	struct ring_record record;
	struct ring_loss loss;

	append_many(f, 20, 100);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_first(cursor, &reader);
	while (ring_cursor_next(cursor, &record) > 0)
		if (record.sequence % 2 == 0)
			ring_erase(&f->ring, cursor, &record);
	ring_cursor_first(cursor, &reader);
	for (uint64_t sequence = 1; ring_cursor_next(cursor, &record) > 0; sequence++) {
		assert_int_equal(record.sequence, sequence);
		if (sequence % 2) {
			assert_record(&record);
			continue;
		}
		assert_int_equal(record.kind, 0);
		assert_true(uuid_is_none(&record.session));
		for (size_t i = 0; i < record.length; i++)
			assert_int_equal(record.payload[i], 0);
	}
	assert_int_equal(ring_verify(&reader, &loss), 20);
	assert_int_equal(loss.damaged + loss.lost, 0);
}

/* Nothing is left of the records that others have overwritten in part, and of an erased one. */
static void wipes(void **state)
{
	static const char secret[] = "0x001C2D6A3C8A802E";
	const struct ring_fields fields = {.at = {.wall_us = 1, .monotonic_us = 1}, .kind = 60000};
	struct fixture *f = *state;
	struct ring_reader reader;
	struct ring_record record;
	struct ring_loss loss;
	uint64_t count;
	char text[4000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = secret[i % (sizeof(secret) - 1)];
	/* Of all lengths, so that some end in padding, and the next ones in the middle of another.
	 */
	for (size_t i = 0; i < 600; i++)
		assert_true(ring_append(&f->ring, &fields, text, 7 * i % sizeof(text)) > 0);
	while (f->ring.head.place > f->ring.area.size / 2)
		append(f, 100);
	for (uint64_t turn = f->ring.head.place; f->ring.head.place >= turn;)
		append(f, 100);
	assert_int_equal(ring_reader_init(&reader, f->bytes, SIZE, true), 0);
	ring_cursor_first(&f->cursor, &reader);
	while (ring_cursor_next(&f->cursor, &record) > 0)
		if (record.kind == 60000)
			ring_erase(&f->ring, &f->cursor, &record);
	count = ring_verify(&reader, &loss);
	ring_wipe(&f->ring);
	assert_null(memmem(f->bytes, SIZE, "1C2D6A", 6));
	assert_int_equal(ring_verify(&reader, &loss), count);
	assert_int_equal(loss.damaged + loss.lost, 0);
	append_many(f, 1000, 300);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(empty),
		CASE(appends_and_walks),
		CASE(full_size_record),
		CASE(wraps),
		CASE(reopens_after_kill),
		CASE(torn_append),
		CASE(flip_of_each_byte),
		CASE(damage_is_told),
		CASE(payload_is_no_record),
		CASE(sequence_never_repeats),
		CASE(power_cut_begins_an_era),
		CASE(end_in_order_keeps_the_era),
		CASE(lost_page_writes),
		CASE(lost_header_write),
		CASE(after_a_sequence),
		CASE(one_session),
		CASE(erases),
		CASE(wipes),
		CASE(reader_overtaken),
		CASE(writer_comes),
		CASE(half_dropped),
		CASE(versions_and_features),
		CASE(not_a_ring),
		CASE(imports),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
