/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of the kernel's trace of an xHCI controller. */
#include <string.h>

#include "common/base/macro.h"
#include "common/link/xhci_trace.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *lines = strndup((const char *)data, size);
	char *rest = lines, *line;

	while ((line = strsep(&rest, "\n")))
		(void)xhci_trace_read(line);
	return 0;
}
