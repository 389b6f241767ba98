/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of a restore by number and name, and what operations and checkpoints say of a
 * restore's course, from knowledge/operations.txt and checkpoints.txt. What they mean stands in
 * code.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/model/says.h"

struct operation {
	uint32_t number; /* as restored counts from protocol 14 on */
	const char *name;
	enum says says;
};

/* The number of an operation by the name that tools print; 0 where it is not known. */
uint32_t operation_by_name(const char *name);
/* The operation of that number; NULL where it is not known. */
const struct operation *operation_by_number(uint32_t number);
/* What an operation or a checkpoint says; SAYS_NOTHING also of one that is not known. */
enum says operation_says(uint32_t number);
enum says checkpoint_says(uint32_t number);
