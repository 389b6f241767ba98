/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/budget.h"

#include <stddef.h>

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct budget budgets[] = {
#include "common/knowledge/budgets.inc"
};

const struct budget *budget_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++)
		if (text_equal(budgets[i].name, name))
			return &budgets[i];
	return NULL;
}
