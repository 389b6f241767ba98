/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/id.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/macro.h"

struct uuid uuid_make(struct stamp now)
{
	uint64_t milliseconds = now.wall_us / USEC_PER_MSEC;
	struct uuid uuid;

	/* Short reads of at most 256 bytes do not happen once the pool is ready (getrandom(2)). */
	if (getrandom(uuid.bytes, sizeof(uuid.bytes), 0) != sizeof(uuid.bytes))
		abort();
	for (int i = 0; i < 6; i++)
		uuid.bytes[i] = (uint8_t)(milliseconds >> (8 * (5 - i)));
	uuid.bytes[6] = (uuid.bytes[6] & 0x0f) | 0x70;
	uuid.bytes[8] = (uuid.bytes[8] & 0x3f) | 0x80;
	return uuid;
}

bool uuid_is_none(const struct uuid *uuid)
{
	return uuid_equal(uuid, &(struct uuid){{0}});
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool uuid_dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *out = text;

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (uuid_dash_before(i))
			*out++ = '-';
		*out++ = digits[uuid->bytes[i] >> 4];
		*out++ = digits[uuid->bytes[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *text, struct uuid *ret)
{
	struct uuid uuid;

	for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
		int high, low;

		if (uuid_dash_before(i) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		uuid.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return -EINVAL;
	*ret = uuid;
	return 0;
}

void ecid_format(uint64_t ecid, char text[static ECID_TEXT_SIZE])
{
	text[0] = '\0';
	if (ecid)
		snprintf(text, ECID_TEXT_SIZE, "0x%016" PRIX64, ecid);
}

int ecid_parse(const char *text, uint64_t *ret)
{
	bool prefix = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = prefix ? text + 2 : text;
	size_t length = strlen(digits);
	bool letter = strpbrk(digits, "abcdefABCDEF") != NULL;
	int base = prefix || letter || length == 16 ? 16 : 10;
	uint64_t value;
	char *end;

	if (!isxdigit((unsigned char)*digits) || (base == 16 && !prefix && length < 9))
		return -EINVAL;
	errno = 0;
	value = strtoull(digits, &end, base);
	if (errno || *end || value == 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

int udid_normalize(const char *text, char udid[static UDID_SIZE])
{
	char hex[41];
	size_t length = 0;
	bool dashed = strlen(text) == 25 && text[8] == '-';

	for (const char *c = text; *c; c++) {
		if (dashed && c == text + 8)
			continue;
		if (hex_digit(*c) < 0 || length == 40)
			return -EINVAL;
		hex[length++] = *c;
	}
	hex[length] = '\0';
	if (length == 40) {
		for (size_t i = 0; i <= length; i++)
			udid[i] = (char)tolower((unsigned char)hex[i]);
		return 0;
	}
	if (length != 24)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		hex[i] = (char)toupper((unsigned char)hex[i]);
	snprintf(udid, UDID_SIZE, "%.8s-%.16s", hex, hex + 8);
	return 0;
}

uint64_t udid_ecid(const char *udid)
{
	if (strlen(udid) != 25 || udid[8] != '-')
		return 0;
	return strtoull(udid + 9, NULL, 16);
}
