/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/plist_guard.h"

#include <string.h>

#include "common/base/macro.h"

bool plist_too_deep(const char *text, size_t length, size_t limit)
{
	static const char *const openers[] = {"<dict>", "<array>"};
	static const char *const closers[] = {"</dict>", "</array>"};
	const char *end = text + length;
	size_t depth = 0;

	for (const char *c = text; (c = memchr(c, '<', (size_t)(end - c))); c++) {
		size_t left = (size_t)(end - c);

		if (left >= 3 && c[1] == '!' && (c[2] == '-' || c[2] == '['))
			return true;
		for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
			/* "<dict " with attributes or blanks is an opening too. */
			size_t word = strlen(openers[i]) - 1;

			if (left >= word && memcmp(c, openers[i], word) == 0)
				depth++;
			else if (depth > 0 && left >= strlen(closers[i]) &&
				 memcmp(c, closers[i], strlen(closers[i])) == 0)
				depth--;
		}
		if (depth > limit)
			return true;
	}
	return false;
}
