/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phone's own log of a restore, which stands inside the tools' logs: the checkpoint engine's
 * lines. Shapes from device logs in public reports (iOS 10 to 18). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/triage/toollog_private.h"

static const struct {
	const char *text;
	enum checkpoint_state state;
} engine_lines[] = {
	{"CHECKPOINT BEGIN: ", CHECKPOINT_STARTED},
	{"CHECKPOINT END: ", CHECKPOINT_COMPLETED},
	{"CHECKPOINT FAILURE:", CHECKPOINT_FAILURE},
};

/* "(FAILURE:6) RESTORED:[0x060D] wait_for_storage [0]D(storage did not appear)" */
static bool read_checkpoint(struct toollog *log, const char *rest, enum checkpoint_state state)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	struct event error = toollog_event(log, EVENT_AMR_ERROR);
	const char *id = strstr(rest, ":[0x"), *name, *text;

	if (!id || sscanf(id, ":[0x%" SCNx32 "]", &event.number) != 1)
		return false;
	event.number &= 0xffff;
	event.flag = state;
	name = strchr(id, ']');
	if (name)
		sscanf(name, "] %63[^ []", event.name);
	text = strstr(id, "[0]D(");
	if (text)
		event_set_text(&event, text);
	toollog_emit(log, &event);
	if (state == CHECKPOINT_FAILURE && sscanf(rest, "(FAILURE:%" SCNd64 ")", &error.code) == 1)
		toollog_emit(log, &error);
	return true;
}

bool toollog_read_device(struct toollog *log, const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(engine_lines); i++) {
		const char *found = strstr(line, engine_lines[i].text);

		if (found)
			return read_checkpoint(
				log, found + strlen(engine_lines[i].text), engine_lines[i].state);
	}
	return false;
}
