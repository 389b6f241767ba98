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

bool attempt_says(const struct attempt *attempt, enum says says)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].says == says && attempt_sign(attempt, table[i].sign))
			return true;
	return false;
}

bool sign_says(const char *sign, enum says says)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].says == says && text_equal(table[i].sign, sign))
			return true;
	return false;
}
