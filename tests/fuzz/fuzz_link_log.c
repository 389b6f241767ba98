/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of the kernel, usbmuxd and the service manager: a line of input each. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/logs/link_log.h"

#define LINE_SIZE 512

static void check(const struct link_finding *finding)
{
	assert(finding->sign && finding->code <= 0);
	assert(memchr(finding->port, '\0', sizeof(finding->port)));
	assert(memchr(finding->udid, '\0', sizeof(finding->udid)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mux_watch watch = {0};

	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		size_t kept = length < LINE_SIZE - 1 ? length : LINE_SIZE - 1;
		char line[LINE_SIZE], port[PORT_SIZE];
		struct link_finding finding;
		uint32_t bus, address;

		memcpy(line, data, kept);
		line[kept] = '\0';
		for (int writer = LINK_KERNEL; writer <= LINK_MANAGER; writer++) {
			if (link_pattern_read((enum link_writer)writer, line, &finding))
				check(&finding);
		}
		mux_watch_line(&watch, line);
		if (kernel_device_read(line, port, &bus, &address))
			assert(memchr(port, '\0', sizeof(port)));
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	return 0;
}
