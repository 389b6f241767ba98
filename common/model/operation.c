/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/operation.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct operation operations[] = {
#include "common/knowledge/operations.inc"
};

static const struct {
	uint32_t number;
	enum says says;
} checkpoints[] = {
#include "common/knowledge/checkpoints.inc"
};

uint32_t operation_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (*operations[i].name == *name && text_equal(operations[i].name, name))
			return operations[i].number;
	return 0;
}

const struct operation *operation_by_number(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (operations[i].number == number)
			return &operations[i];
	return NULL;
}

enum says operation_says(uint32_t number)
{
	const struct operation *operation = operation_by_number(number);

	return operation ? operation->says : SAYS_NOTHING;
}

enum says checkpoint_says(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(checkpoints); i++)
		if (checkpoints[i].number == number)
			return checkpoints[i].says;
	return SAYS_NOTHING;
}
