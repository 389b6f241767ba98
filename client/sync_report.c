/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/sync_report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"

#define REPORT_PATH "/run/idevicetriage-sync/status.json"
#define CONFIG_PATH "/etc/idevicetriage/sync.conf"
#define REPORT_BYTES_MAX (1u << 20)
#define STALE_US ((int64_t)(180 * USEC_PER_SEC)) /* the service writes it every few seconds */

static struct json_object *read_file(const char *path)
{
	CLEANUP(freep) char *text = NULL;
	struct json_object *object = NULL;
	size_t length;

	if (file_read(path, 0, REPORT_BYTES_MAX, &text, &length) == 0)
		json_read(text, length, &object);
	return object;
}

static bool is_set_up(const char *root)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s" CONFIG_PATH, root) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

void sync_report_read(const char *root, struct sync_report *ret)
{
	const char *given = getenv("IDEVICETRIAGE_SYNC_STATUS");
	int64_t now_us = (int64_t)clock_now().wall_us;
	const char *state;
	char path[PATH_MAX];

	*ret = (struct sync_report){.waiting = -1};
	if (snprintf(path, sizeof(path), "%s%s", given ? "" : root, given ? given : REPORT_PATH) <
		(int)sizeof(path))
		ret->object = read_file(path);
	state = field_text_or(ret->object, "state", "");
	ret->waiting = field_number_or(ret->object, "backlog", -1);
	ret->clock_ahead_seconds = field_number_or(ret->object, "clockAheadSeconds", 0);
	if (!ret->object)
		ret->state = is_set_up(root) ? SYNC_STOPPED : SYNC_NONE;
	else if (text_equal(state, "stopped") ||
		 field_number_or(ret->object, "updatedUSec", 0) < now_us - STALE_US)
		ret->state = SYNC_STOPPED;
	else if (text_equal(state, "connected"))
		ret->state = SYNC_WORKS;
	else
		ret->state = SYNC_WAITS;
}

void sync_report_done(struct sync_report *report)
{
	json_object_put(report->object);
	report->object = NULL;
}
