/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CRC-32C (Castagnoli), the check of stored records. No protection against tampering. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` over `length` bytes; 0 begins. The value is that of RFC 3720, appendix B.4, with
 * the processor's instruction if available. */
uint32_t crc32c(uint32_t crc, const void *data, size_t length);

/* The same by table, on every processor: the fallback of crc32c(), and its reference in tests. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t length);
