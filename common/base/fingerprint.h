/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fingerprint of texts that come one after the other, to know them again: the same texts make the
 * same 128 bits on every machine and in every version. It keeps no secret and withstands nobody who
 * makes two texts alike on purpose. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

/* Begins with {0}. */
struct fingerprint {
	uint64_t a, b;
};

/* Takes one text, its length included: "ab" and "c" is not "a" and "bc". */
void fingerprint_add(struct fingerprint *fingerprint, const char *text, size_t length);
void fingerprint_add_number(struct fingerprint *fingerprint, uint64_t number);
/* The fingerprint as an identifier: a UUID of version 8 (RFC 9562: its bits are the maker's own),
 * never "none". */
struct uuid fingerprint_uuid(const struct fingerprint *fingerprint);
