/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/sign.h"

#include "common/base/macro.h"

static const struct sign signs[] = {
#include "common/triage/knowledge/signs.inc"
};

const struct sign *sign_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(signs);
	return signs;
}
