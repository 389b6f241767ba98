/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/source.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"

void source_report(enum event_source source, const char *name, int code, const char *reason,
	event_sink *sink, void *user)
{
	struct event event = {
		.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = source,
		.code = code,
	};

	/* The announcer reports the loss of a source. */
	if (code == 0)
		log_info("%s: %s", name, reason);
	text_copy(event.name, sizeof(event.name), name);
	event_set_text(&event, reason);
	sink(user, &event);
}
