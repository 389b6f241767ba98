/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/sign_says.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct {
	const char *sign;
	enum says says;
} table[] = {
#include "common/knowledge/sign_says.inc"
};

uint64_t sign_says(const char *sign)
{
	uint64_t says = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (text_equal(table[i].sign, sign))
			says |= SAYS_BIT(table[i].says);
	return says;
}
