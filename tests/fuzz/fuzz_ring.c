/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is a programme of operations on one ring: appending, reopening, walking, and every kind
 * of damage, with checks that fit (forged headers, identities, bounds), so that the code behind the
 * checks is reached. Whatever was done, a walk ends and its numbers rise. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/ring/reader.h"
#include "common/ring/ring.h"
#include "tests/fuzz/fuzz.h"

#define SIZE (2 * RING_PAGE_BYTES + RING_ARENA_MIN)
#define OPERATIONS_MAX 200

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes > 0 && input->left > 0; bytes--, input->left--)
		value = value << 8 | *input->data++;
	return value;
}

struct subject {
	uint8_t *bytes;
	uint8_t *old; /* a copy of the ring at some moment */
	struct ring ring;
};

static void format(struct subject *subject)
{
	static const struct uuid id = {{7}};
	int r;

	memset(subject->bytes, 0, SIZE);
	r = ring_format(subject->bytes, SIZE, &id, (struct stamp){0}, 1);
	assert(r == 0);
}

static void reopen(struct subject *subject, uint8_t boot_number)
{
	struct uuid boot = {{boot_number}};
	struct ring_repair repair;

	if (ring_open(&subject->ring, subject->bytes, SIZE, &boot, &repair) == 0)
		return;
	(void)ring_first_after(subject->bytes, SIZE);
	format(subject);
	if (ring_open(&subject->ring, subject->bytes, SIZE, &boot, &repair) != 0)
		abort();
}

static void walk(struct subject *subject, bool live, uint64_t after, bool filter)
{
	static struct ring_cursor cursor;
	struct ring_reader reader;
	struct ring_record record;
	struct uuid session = {{1}};
	uint64_t last = after, count = 0;

	if (ring_reader_init(&reader, subject->bytes, SIZE, live) < 0)
		return;
	if (after)
		ring_cursor_after(&cursor, &reader, after);
	else
		ring_cursor_first(&cursor, &reader);
	if (filter)
		ring_cursor_only(&cursor, &session);
	while (ring_cursor_next(&cursor, &record) > 0) {
		assert(record.sequence > last || last == 0);
		assert(record.length <= RING_PAYLOAD_MAX);
		assert(!filter || record.session.bytes[0] == 1);
		last = record.sequence;
		count++;
	}
	assert(count <= RING_ARENA_MIN / RECORD_HEADER_BYTES);
}

static void append(struct subject *subject, size_t length)
{
	static const uint8_t payload[RING_PAYLOAD_MAX];
	struct ring_fields fields = {
		.session = {{(uint8_t)(length % 3)}}, .kind = (uint16_t)length};
	uint64_t before = subject->ring.next_sequence;
	int64_t r = ring_append(&subject->ring, &fields, payload, length % (RING_PAYLOAD_MAX + 1));

	assert(r < 0 || (uint64_t)r >= before);
}

static void forge_record(struct subject *subject, struct input *input)
{
	uint64_t place = take(input, 2) % (RING_ARENA_MIN / RING_ALIGN) * RING_ALIGN;
	struct record_head head = {
		.sequence = take(input, 8),
		.length = (uint32_t)take(input, 4),
		.payload_crc = (uint32_t)take(input, 4),
		.flags = (uint16_t)take(input, 1),
	};

	if (place + RECORD_HEADER_BYTES <= RING_ARENA_MIN)
		record_head_write(&subject->ring.area, place, &head, subject->ring.arena + place);
}

static void forge_header(struct subject *subject, struct input *input)
{
	struct ring_header *header = (void *)subject->bytes;
	uint64_t at = take(input, 2) % sizeof(*header);

	subject->bytes[at] = (uint8_t)take(input, 1);
	ring_identity_seal(&header->identity);
	ring_lease_seal(&header->lease);
}

/* Returns false at the end of the input. */
static bool operate(struct subject *subject, struct input *input)
{
	uint64_t at;

	if (input->left == 0)
		return false;
	switch (take(input, 1) % 12) {
	case 0:
		append(subject, take(input, 2));
		break;
	case 1:
		for (uint64_t count = take(input, 1), length = take(input, 1); count > 0; count--)
			append(subject, length);
		break;
	case 2:
		subject->bytes[take(input, 3) % SIZE] ^= (uint8_t)take(input, 1);
		break;
	case 3:
		reopen(subject, (uint8_t)take(input, 1));
		break;
	case 4:
		walk(subject, true, 0, false);
		break;
	case 5:
		walk(subject, false, take(input, 8), false);
		break;
	case 6:
		walk(subject, true, 0, true);
		break;
	case 7:
		forge_record(subject, input);
		break;
	case 8:
		forge_header(subject, input);
		break;
	case 9:
		memcpy(subject->old, subject->bytes, SIZE);
		break;
	case 10:
		at = take(input, 1) % (SIZE / RING_PAGE_BYTES) * RING_PAGE_BYTES;
		memcpy(subject->bytes + at, subject->old + at, RING_PAGE_BYTES);
		break;
	case 11:
		ring_skip_to(&subject->ring, take(input, 8) % (RING_SEQUENCE_MAX / 2));
		ring_close(&subject->ring);
		break;
	}
	return true;
}

/* Most of the time goes into the search of the whole arena when a ring is opened: an input begins
 * with a copy of a ring that was. */
static void begin(struct subject *subject)
{
	static uint8_t opened[SIZE];
	static struct ring ring;

	if (!ring.header) {
		format(subject);
		reopen(subject, 1);
		memcpy(opened, subject->bytes, SIZE);
		ring = subject->ring;
	}
	memcpy(subject->bytes, opened, SIZE);
	memset(subject->old, 0, SIZE);
	subject->ring = ring;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(RING_PAGE_BYTES) uint8_t bytes[SIZE];
	static uint8_t old[SIZE];
	struct input input = {data, size};
	struct subject subject = {.bytes = bytes, .old = old};

	begin(&subject);
	for (unsigned i = 0; i < OPERATIONS_MAX && operate(&subject, &input); i++)
		;
	reopen(&subject, 1);
	walk(&subject, true, 0, false);
	return 0;
}
