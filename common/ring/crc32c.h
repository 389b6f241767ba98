/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CRC-32C (Castagnoli), the check of stored records. Does not protect against intent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` over `length` bytes; 0 begins. The value is that of RFC 3720, appendix B.4, by
 * the processor's own instruction where it has one. */
uint32_t crc32c(uint32_t crc, const void *data, size_t length);

/* The same by table, on every processor: what crc32c() falls back to, and is tested against. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t length);
