/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/sign.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct sign signs[] = {
#include "common/triage/knowledge/signs.inc"
};

const struct sign *sign_find(const char *line, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (memmem(line, length, signs[i].text, strlen(signs[i].text)))
			return &signs[i];
	return NULL;
}

const struct sign *sign_by_id(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (text_equal(signs[i].id, id))
			return &signs[i];
	return NULL;
}
