/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/fault.h"

#include "common/base/macro.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *name;
	bool has_transfers; /* fails like a transfer; otherwise it can only be refused */
} parts[FAULT_PART_COUNT] = {
	[FAULT_ENUMERATION] = {"enumeration", true},
	[FAULT_CONTROL] = {"control", true},
	[FAULT_BULK_IN] = {"bulk-in", true},
	[FAULT_BULK_OUT] = {"bulk-out", true},
	[FAULT_VERSION] = {"version", false},
	[FAULT_SERVICE] = {"service", false},
};

static const struct {
	const char *name;
	int status;
} kinds[FAULT_KIND_COUNT] = {
	[FAULT_NONE] = {"none", 0},
	[FAULT_SILENT] = {"silent", 0},
	[FAULT_PROTOCOL] = {"protocol", -EPROTO},
	[FAULT_TIMEOUT] = {"timeout", -ETIMEDOUT},
	[FAULT_STALL] = {"stall", -EPIPE},
	[FAULT_REFUSED] = {"refused", 0},
};

static bool possible(enum fault_part part, enum fault_kind kind)
{
	if (kinds[kind].status != 0)
		return parts[part].has_transfers;
	return kind != FAULT_REFUSED || part == FAULT_SERVICE;
}

int fault_set(struct faults *faults, const char *part, const char *kind)
{
	for (enum fault_part p = 0; p < FAULT_PART_COUNT; p++) {
		if (strcmp(parts[p].name, part) != 0)
			continue;
		for (enum fault_kind k = 0; k < FAULT_KIND_COUNT; k++) {
			if (strcmp(kinds[k].name, kind) == 0 && possible(p, k)) {
				faults->kinds[p] = k;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int fault_status(enum fault_kind kind)
{
	return kinds[kind].status;
}
