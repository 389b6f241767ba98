/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fingerprint of a series of texts, to recognise them: the same texts give the same 128 bits on
 * every machine and in every version. It is not secret, and it does not resist deliberate
 * collisions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/id.h"

/* Initialise with {0}. */
struct fingerprint {
	uint64_t a, b;
};

/* Adds one text, including its length: "ab" and "c" differ from "a" and "bc". */
void fingerprint_add(struct fingerprint *fingerprint, const char *text, size_t length);
void fingerprint_add_number(struct fingerprint *fingerprint, uint64_t number);
/* The fingerprint as an identifier: a UUID of version 8 (RFC 9562: custom bits), never "none". */
struct uuid fingerprint_uuid(const struct fingerprint *fingerprint);
