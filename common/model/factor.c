/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/factor.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct factor factors[] = {
#include "common/knowledge/factors.inc"
};

const struct factor *factor_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(factors);
	return factors;
}

const struct factor *factor_by_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(factors); i++)
		if (text_equal(factors[i].key, key))
			return &factors[i];
	return NULL;
}

const char *factor_nearest_key(const char *key)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (size_t i = 0; i < ARRAY_SIZE(factors); i++)
		if (text_is_nearer(key, factors[i].key, &best))
			nearest = factors[i].key;
	return nearest;
}

bool factor_takes(const struct factor *factor, const char *value)
{
	for (size_t i = 0; i < FACTOR_VALUES_MAX && factor->values[i]; i++)
		if (text_equal(factor->values[i], value))
			return true;
	return !factor->values[0] || text_equal(value, "unknown");
}

const char *factor_nearest_value(const struct factor *factor, const char *value)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (size_t i = 0; i < FACTOR_VALUES_MAX && factor->values[i]; i++)
		if (text_is_nearer(value, factor->values[i], &best))
			nearest = factor->values[i];
	return nearest;
}
