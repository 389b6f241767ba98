/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/format.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/ring/crc32c.h"

void ring_identity_seal(struct ring_identity *identity)
{
	identity->crc = htole32(crc32c(0, identity, offsetof(struct ring_identity, crc)));
}

void ring_lease_seal(struct ring_lease *lease)
{
	lease->crc = htole32(crc32c(0, lease, offsetof(struct ring_lease, crc)));
}

bool ring_lease_valid(const struct ring_lease *lease)
{
	uint64_t limit = le64toh(lease->limit);

	return le32toh(lease->crc) == crc32c(0, lease, offsetof(struct ring_lease, crc)) &&
	       limit > 0 && limit % RING_ERA == 0 && limit <= RING_SEQUENCE_MAX;
}

static bool identity_valid(const struct ring_identity *identity)
{
	return memcmp(identity->magic, RING_MAGIC, sizeof(identity->magic)) == 0 &&
	       le32toh(identity->crc) == crc32c(0, identity, offsetof(struct ring_identity, crc));
}

const struct ring_identity *ring_identity_find(const void *bytes, uint64_t size)
{
	const struct ring_identity *first = bytes, *second;

	if (size < 2 * RING_PAGE_BYTES + RING_ARENA_MIN || size % RING_PAGE_BYTES != 0)
		return NULL;
	second = (const void *)((const uint8_t *)bytes + size - RING_PAGE_BYTES);
	if (identity_valid(first))
		return first;
	return identity_valid(second) ? second : NULL;
}

int ring_identity_check(
	const void *bytes, uint64_t size, bool for_writing, bool *ret_intact, struct ring_area *ret)
{
	const struct ring_identity *identity = ring_identity_find(bytes, size);

	if (!identity)
		return -EBADMSG;
	if (le32toh(identity->version) != RING_VERSION ||
		(le32toh(identity->incompatible) & ~RING_INCOMPATIBLE_KNOWN) != 0)
		return -EPROTONOSUPPORT;
	if (for_writing && (le32toh(identity->compatible) & ~RING_COMPATIBLE_KNOWN) != 0)
		return -EPROTONOSUPPORT;
	if (le32toh(identity->header_bytes) != RING_PAGE_BYTES ||
		le64toh(identity->arena_bytes) != size - 2 * RING_PAGE_BYTES ||
		size > RING_BYTES_MAX)
		return -EBADMSG;
	*ret_intact = memcmp(bytes, (const uint8_t *)bytes + size - RING_PAGE_BYTES,
			      sizeof(*identity)) == 0;
	*ret = (struct ring_area){
		.bytes = (const uint8_t *)bytes + RING_PAGE_BYTES,
		.size = size - 2 * RING_PAGE_BYTES,
		.salt = crc32c(0, &identity->id, sizeof(identity->id)),
	};
	return 0;
}

/* The header as 64-bit words for writing, checking and reading: mixed widths would make the
 * processor wait for its own stores. */
enum header_word {
	WORD_CRC_LENGTH, /* header_crc | length << 32 */
	WORD_SEQUENCE,
	WORD_WALL,
	WORD_MONOTONIC,
	WORD_SESSION,
	WORD_SESSION_END,
	WORD_PAYLOAD, /* kind | flags << 16 | payload_crc << 32 */
	HEADER_WORDS
};

_Static_assert(HEADER_WORDS * sizeof(uint64_t) == RECORD_HEADER_BYTES, "layout on disk");

void record_head_write(
	const struct ring_area *area, uint64_t place, const struct record_head *head, void *out)
{
	uint64_t *words = out;

	words[WORD_CRC_LENGTH] = htole64(place / RING_ALIGN | (uint64_t)head->length << 32);
	words[WORD_PAYLOAD] = htole64(
		head->kind | (uint64_t)head->flags << 16 | (uint64_t)head->payload_crc << 32);
	words[WORD_SEQUENCE] = htole64(head->sequence);
	words[WORD_WALL] = htole64(head->at.wall_us);
	words[WORD_MONOTONIC] = htole64(head->at.monotonic_us);
	memcpy(words + WORD_SESSION, &head->session, sizeof(head->session));
	*(uint32_t *)out = htole32(crc32c(area->salt, words, RECORD_HEADER_BYTES));
}

bool record_head_read(const struct ring_area *area, uint64_t place, struct record_head *ret)
{
	uint64_t words[HEADER_WORDS], sequence;
	uint32_t length, crc;
	uint16_t flags;

	if (place > area->size || area->size - place < RECORD_HEADER_BYTES)
		return false;
	for (unsigned i = 0; i < HEADER_WORDS; i++)
		words[i] = *(const volatile uint64_t *)(area->bytes + place + i * 8);
	crc = (uint32_t)le64toh(words[WORD_CRC_LENGTH]);
	length = (uint32_t)(le64toh(words[WORD_CRC_LENGTH]) >> 32);
	flags = (uint16_t)(le64toh(words[WORD_PAYLOAD]) >> 16);
	sequence = le64toh(words[WORD_SEQUENCE]);
	if (sequence - 1 >= RING_SEQUENCE_MAX || length > RING_PAYLOAD_MAX ||
		record_size(length) > area->size - place || (flags & ~RECORD_FLAG_PADDING) != 0)
		return false;
	words[WORD_CRC_LENGTH] = htole64(place / RING_ALIGN | (uint64_t)length << 32);
	if (crc32c(area->salt, words, sizeof(words)) != crc)
		return false;
	*ret = (struct record_head){
		.sequence = sequence,
		.at = {.wall_us = le64toh(words[WORD_WALL]),
			.monotonic_us = le64toh(words[WORD_MONOTONIC])},
		.length = length,
		.payload_crc = (uint32_t)(le64toh(words[WORD_PAYLOAD]) >> 32),
		.kind = (uint16_t)le64toh(words[WORD_PAYLOAD]),
		.flags = flags,
	};
	memcpy(&ret->session, words + WORD_SESSION, sizeof(ret->session));
	return true;
}

bool record_payload_valid(const struct record_head *head, const void *payload)
{
	return (head->flags & RECORD_FLAG_PADDING) ||
	       crc32c(0, payload, head->length) == head->payload_crc;
}
