/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/port_errors.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/fields.h"
#include "common/base/text.h"

/* Our choice: numbers that chance alone rarely gives. The other ports must have moved enough data,
 * and one failed transfer is added to theirs. */
#define ERRORS_MIN 3
#define OTHERS_BYTES_MIN 1e9
#define TIMES_WORSE_MIN 3
#define GIGABYTE 1e9

/* What identifies the computer of a port. */
static const char *computer(struct json_object *group)
{
	return field_text_or(group, "hostId", field_text_or(group, "host", ""));
}

/* Failed transfers and bytes of the other ports of the same computer. */
static void add_others(
	struct json_object *groups, size_t index, int64_t *ret_errors, double *ret_bytes)
{
	const char *here = computer(field_item(groups, index));

	*ret_errors = 0;
	*ret_bytes = 0;
	for (size_t i = 0; i < field_count(groups); i++) {
		struct json_object *other = field_item(groups, i);

		if (i == index || !text_equal(computer(other), here))
			continue;
		*ret_errors += field_number_or(other, "linkErrors", 0);
		*ret_bytes += (double)field_number_or(other, "linkBytes", 0);
	}
}

static bool is_worse(struct json_object *groups, size_t index, struct port_errors *ret)
{
	struct json_object *group = field_item(groups, index);
	double bytes = (double)field_number_or(group, "linkBytes", 0), other_bytes;
	int64_t other_errors;
	struct port_errors errors = {
		.port = field_text(group, "key"),
		.host = field_text_or(group, "host", "this computer"),
		.errors = field_number_or(group, "linkErrors", 0),
	};

	if (!errors.port || errors.errors < ERRORS_MIN || bytes <= 0)
		return false;
	add_others(groups, index, &other_errors, &other_bytes);
	if (other_bytes < OTHERS_BYTES_MIN ||
		(double)errors.errors / bytes <=
			TIMES_WORSE_MIN * (double)(other_errors + 1) / other_bytes)
		return false;
	errors.per_gigabyte = (double)errors.errors / bytes * GIGABYTE;
	errors.others_per_gigabyte = (double)other_errors / other_bytes * GIGABYTE;
	*ret = errors;
	return true;
}

bool port_errors_next(struct json_object *groups, size_t *at, struct port_errors *ret)
{
	while (*at < field_count(groups))
		if (is_worse(groups, (*at)++, ret))
			return true;
	return false;
}

void port_errors_describe(const struct port_errors *errors, char *out, size_t size)
{
	snprintf(out, size,
		"Port %s of %s: %" PRId64 " failed USB transfers, %.1f per gigabyte; the other "
		"ports: %.1f per gigabyte.",
		errors->port, errors->host, errors->errors, errors->per_gigabyte,
		errors->others_per_gigabyte);
}
