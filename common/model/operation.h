/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of a restore by number and name, and what operations and checkpoints say about its
 * course, from knowledge/operations.txt and checkpoints.txt. For their meanings see code.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/model/says.h"

struct operation {
	uint32_t number; /* numbering of restored since protocol 14 */
	const char *name;
	enum says says;
};

/* The number of an operation by the name that tools print; 0 if unknown. */
uint32_t operation_by_name(const char *name);
/* The operation with that number; NULL if unknown. */
const struct operation *operation_by_number(uint32_t number);
/* What an operation or a checkpoint says; SAYS_NOTHING for an unknown one too. */
enum says operation_says(uint32_t number);
enum says checkpoint_says(uint32_t number);
