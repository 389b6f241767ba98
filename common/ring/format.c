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

static uint32_t header_crc(
	const struct ring_area *area, uint64_t place, struct ring_record_header *header)
{
	header->header_crc = htole32((uint32_t)(place / RING_ALIGN));
	return crc32c(area->salt, header, sizeof(*header));
}

void record_head_write(
	const struct ring_area *area, uint64_t place, const struct record_head *head, void *out)
{
	struct ring_record_header header = {
		.length = htole32(head->length),
		.payload_crc = htole32(head->payload_crc),
		.kind = htole16(head->kind),
		.flags = htole16(head->flags),
		.sequence = htole64(head->sequence),
		.wall_us = htole64(head->at.wall_us),
		.monotonic_us = htole64(head->at.monotonic_us),
		.session = head->session,
	};

	header.header_crc = htole32(header_crc(area, place, &header));
	memcpy(out, &header, sizeof(header));
}

bool record_head_read(const struct ring_area *area, uint64_t place, struct record_head *ret)
{
	struct ring_record_header header;
	uint32_t length, crc;

	if (place > area->size || area->size - place < sizeof(header))
		return false;
	memcpy(&header, area->bytes + place, sizeof(header));
	length = le32toh(header.length);
	if (le64toh(header.sequence) - 1 >= RING_SEQUENCE_MAX || length > RING_PAYLOAD_MAX ||
		record_size(length) > area->size - place ||
		(le16toh(header.flags) & ~RECORD_FLAG_PADDING) != 0)
		return false;
	crc = le32toh(header.header_crc);
	if (header_crc(area, place, &header) != crc)
		return false;
	*ret = (struct record_head){
		.sequence = le64toh(header.sequence),
		.at = {.wall_us = le64toh(header.wall_us),
			.monotonic_us = le64toh(header.monotonic_us)},
		.session = header.session,
		.length = length,
		.payload_crc = le32toh(header.payload_crc),
		.kind = le16toh(header.kind),
		.flags = le16toh(header.flags),
	};
	return true;
}

bool record_payload_valid(const struct record_head *head, const void *payload)
{
	return (head->flags & RECORD_FLAG_PADDING) ||
	       crc32c(0, payload, head->length) == head->payload_crc;
}
