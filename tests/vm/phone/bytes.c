/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/bytes.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY_BYTES 256

int bytes_append(struct bytes *bytes, const void *data, size_t size, size_t limit)
{
	size_t capacity = bytes->capacity ? bytes->capacity : FIRST_CAPACITY_BYTES;
	uint8_t *grown;

	if (size > limit || bytes->size > limit - size)
		return -ENOBUFS;
	if (size == 0)
		return 0;
	while (capacity < bytes->size + size)
		capacity *= 2;
	if (capacity > bytes->capacity) {
		grown = realloc(bytes->data, capacity);
		if (!grown)
			return -ENOMEM;
		bytes->data = grown;
		bytes->capacity = capacity;
	}
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	return 0;
}

void bytes_drop(struct bytes *bytes, size_t size)
{
	if (size >= bytes->size) {
		bytes->size = 0;
		return;
	}
	bytes->size -= size;
	memmove(bytes->data, bytes->data + size, bytes->size);
}

void bytes_done(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

uint16_t get_be16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

uint32_t get_be32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

void put_be16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

void put_be32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

uint16_t get_le16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

void put_le16(uint8_t *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}
