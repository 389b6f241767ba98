/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which ports of a bench fail more USB transfers than its other ports, from an answer of
 * GetStatistics by port. It counts; it does not diagnose a phone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/json.h"

struct port_errors {
	const char *port; /* borrowed from the groups */
	const char *host;
	int64_t errors;
	double per_gigabyte;
	double others_per_gigabyte; /* of the other ports of the same computer, together */
};

/* Finds the next such port from index *at on, and moves *at past it. Returns false and leaves *ret
 * if there is none. */
bool port_errors_next(struct json_object *groups, size_t *at, struct port_errors *ret);
/* Writes "Port 1-2 of bench-1: ..." as a sentence. */
void port_errors_describe(const struct port_errors *errors, char *out, size_t size);
