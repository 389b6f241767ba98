/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/known_fault.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct known_fault faults[] = {
#include "common/knowledge/faults.inc"
};

static bool is_version(const char *version, const char *known)
{
	size_t length = strlen(known);

	if (strncmp(version, known, length) != 0)
		return false;
	return !version[length] || (text_starts_with(version + length, "+b") &&
					   isdigit((unsigned char)version[length + 2]));
}

const struct known_fault *known_fault_of(const char *of, const char *version)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (text_equal(of, faults[i].of) && is_version(version, faults[i].version))
			return &faults[i];
	return NULL;
}
