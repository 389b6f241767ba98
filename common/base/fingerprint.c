/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/fingerprint.h"

#include <endian.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)

/* Odd numbers without a pattern: the fractional parts of the square roots of 2, 3, 5 and 7. */
#define ROOT_2 UINT64_C(0x6a09e667f3bcc909)
#define ROOT_3 UINT64_C(0xbb67ae8584caa73b)
#define ROOT_5 UINT64_C(0x3c6ef372fe94f82b)
#define ROOT_7 UINT64_C(0xa54ff53a5f1d36f1)

/* Mixes every bit into many others; reversible, so nothing is lost. */
static uint64_t mix(uint64_t x, uint64_t factor)
{
	x *= factor;
	return x ^ x >> 32;
}

/* The next bytes as a number, the same on every machine; missing bytes are zero. */
static uint64_t read_word(const char *bytes, size_t length)
{
	uint64_t word = 0;

	memcpy(&word, bytes, length < WORD_BYTES ? length : WORD_BYTES);
	return le64toh(word);
}

void fingerprint_add_number(struct fingerprint *fingerprint, uint64_t number)
{
	fingerprint->a = mix(fingerprint->a ^ number ^ ROOT_2, ROOT_3) + ROOT_7;
	fingerprint->b = mix(fingerprint->b + (number ^ ROOT_5), ROOT_7) + fingerprint->a;
}

/* Mixes two words at a time, one in each half; the number at the end mixes the halves. */
void fingerprint_add(struct fingerprint *fingerprint, const char *text, size_t length)
{
	uint64_t a = fingerprint->a, b = fingerprint->b;
	size_t left = length;

	for (; left >= 2 * WORD_BYTES; text += 2 * WORD_BYTES, left -= 2 * WORD_BYTES) {
		a = mix(a ^ read_word(text, WORD_BYTES), ROOT_3) + ROOT_2;
		b = mix(b ^ read_word(text + WORD_BYTES, WORD_BYTES), ROOT_7) + ROOT_5;
	}
	a ^= read_word(text, left);
	if (left > WORD_BYTES)
		b ^= read_word(text + WORD_BYTES, left - WORD_BYTES);
	*fingerprint = (struct fingerprint){a, b};
	fingerprint_add_number(fingerprint, length);
}

struct uuid fingerprint_uuid(const struct fingerprint *fingerprint)
{
	uint64_t halves[] = {mix(fingerprint->a ^ ROOT_5, ROOT_7) ^ fingerprint->b,
		mix(fingerprint->b ^ ROOT_7, ROOT_5) + fingerprint->a};
	struct uuid uuid;

	for (size_t i = 0; i < sizeof(uuid.bytes); i++)
		uuid.bytes[i] = (uint8_t)(halves[i / 8] >> (8 * (i % 8)));
	uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x80);
	uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
	return uuid;
}
