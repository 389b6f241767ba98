/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of a restore by number and name, from knowledge/operations.txt. What they mean
 * stands in code.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct operation {
	uint32_t number; /* as restored counts from protocol 14 on */
	const char *name;
};

/* The number of an operation by the name that tools print; 0 where it is not known. */
uint32_t operation_by_name(const char *name);
/* The operation of that number; NULL where it is not known. */
const struct operation *operation_by_number(uint32_t number);
