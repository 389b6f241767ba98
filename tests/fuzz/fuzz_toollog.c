/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tool's log, in pieces whose size its first byte tells: every event that comes out is clean, and
 * an attempt takes them all. */
#include <string.h>

#include "common/base/text.h"
#include "common/model/attempt.h"
#include "common/logs/toollog.h"
#include "tests/fuzz/fuzz.h"

static void hear(void *user, const struct event *event)
{
	static uint8_t bytes[EVENT_BYTES_MAX];
	struct event again;

	if (!text_is_utf8(event->name, strlen(event->name)) ||
		!text_is_utf8(event->text ? event->text : "", event->text_length) ||
		event_decode(bytes, event_encode(event, bytes), &again) < 0)
		abort();
	attempt_fold(user, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attempt attempt;
	struct toollog *log = toollog_new(hear, &attempt);
	size_t piece = size ? data[0] + 1u : 1;

	if (!log)
		abort();
	attempt_init(&attempt);
	for (size_t at = 0; at < size; at += piece)
		toollog_feed(log, (struct stamp){.monotonic_us = at}, (const char *)data + at,
			size - at < piece ? size - at : piece);
	toollog_finish(log, (struct stamp){.monotonic_us = size});
	toollog_free(log);
	return 0;
}
