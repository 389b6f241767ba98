/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/host_id.h"

#include <string.h>

#define DIGITS (HOST_ID_HALF_SIZE - 1)

bool host_id_is_valid(const char *text)
{
	static const char hex[] = "0123456789abcdef";

	return strlen(text) == HOST_ID_SIZE - 1 && strspn(text, hex) == DIGITS &&
	       text[DIGITS] == '-' && strspn(text + DIGITS + 1, hex) == DIGITS;
}

bool host_id_is_ambiguous(const char *a, const char *b)
{
	return host_id_is_valid(a) && host_id_is_valid(b) &&
	       (memcmp(a, b, DIGITS) == 0) != (memcmp(a + DIGITS, b + DIGITS, DIGITS + 1) == 0);
}
