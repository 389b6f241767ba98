/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/log_pattern.h"

#include "common/base/macro.h"

static const struct log_pattern signs[] = {
#include "common/knowledge/signs.inc"
};

static const struct log_pattern errors[] = {
#include "common/knowledge/sign_errors.inc"
};

const struct log_pattern *log_pattern_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(signs);
	return signs;
}

const struct log_pattern *log_pattern_errors(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(errors);
	return errors;
}

void log_pattern_note(const struct log_pattern *sign, const struct log_pattern **tool_sign,
	const struct log_pattern **phone_sign)
{
	if (sign->from != PATTERN_FROM_PHONE && (!*tool_sign || sign < *tool_sign))
		*tool_sign = sign;
	if (sign->from != PATTERN_FROM_TOOL && (!*phone_sign || sign < *phone_sign))
		*phone_sign = sign;
}
