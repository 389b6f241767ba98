/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/sign.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct sign signs[] = {
#include "common/triage/knowledge/signs.inc"
};

const struct sign *sign_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(signs);
	return signs;
}

const struct sign *sign_by_id(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (text_equal(signs[i].id, id))
			return &signs[i];
	return NULL;
}
