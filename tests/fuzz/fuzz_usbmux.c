/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What usbmuxd's socket may bring: a stream of frames. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "daemon/sources/usbmux_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct usbmux_message message;
	size_t used;

	while (usbmux_frame_read(data, size, &used, &message) > 0) {
		assert(used >= USBMUX_HEADER_BYTES && used <= size && used <= USBMUX_FRAME_MAX);
		assert(memchr(message.udid, '\0', sizeof(message.udid)));
		assert(text_is_utf8(message.udid, strlen(message.udid)));
		data += used;
		size -= used;
	}
	return 0;
}
