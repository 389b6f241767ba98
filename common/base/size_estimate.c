/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/size_estimate.h"

#include <stdbool.h>

#define OBJECT_BYTES 800 /* a table with its first slots, even if empty; a list needs less */
#define VALUE_BYTES 100

size_t json_weight(const char *text, size_t length)
{
	size_t objects = 0, values = 0;
	bool in_text = false;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			in_text = !in_text;
		else if (in_text)
			i += text[i] == '\\';
		else if (text[i] == '{' || text[i] == '[')
			objects++;
		else if (text[i] == ',')
			values++;
	}
	return objects * OBJECT_BYTES + values * VALUE_BYTES;
}
