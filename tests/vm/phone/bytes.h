/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run of bytes that grows at its end and is taken from its beginning, with a limit. */
/* It knows nothing of what the bytes mean, but for whole numbers in network order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Invariant: `data` is NULL exactly while `capacity` is 0; `size` <= `capacity`. */
struct bytes {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

/* Appends `size` bytes. Returns 0, -ENOBUFS when there would be more than `limit` in all, or
 * -ENOMEM; on failure nothing changed. */
int bytes_append(struct bytes *bytes, const void *data, size_t size, size_t limit);

/* Drops the first `size` bytes, at most all. */
void bytes_drop(struct bytes *bytes, size_t size);

/* Frees what is held; the run is empty afterwards and can be used again. */
void bytes_done(struct bytes *bytes);

/* Whole numbers in network order, at any address. */
uint16_t get_be16(const uint8_t *at);
uint32_t get_be32(const uint8_t *at);
void put_be16(uint8_t *at, uint16_t value);
void put_be32(uint8_t *at, uint32_t value);

/* Whole numbers in the order of USB, at any address. */
uint16_t get_le16(const uint8_t *at);
void put_le16(uint8_t *at, uint16_t value);
