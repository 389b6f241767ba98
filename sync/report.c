/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"

#define REPORT_BYTES_MAX (1u << 20)
#define REPORT_VERSION 1

void report_error_text(struct report *report, const char *text)
{
	text_copy(report->error, sizeof(report->error), text);
	report->error_us = clock_now().wall_us;
}

static struct json_object *build(const struct report *report)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);

	json_put_number(&builder, object, "formatVersion", REPORT_VERSION);
	json_put_text(&builder, object, "state", report->state);
	json_put_known_text(&builder, object, "bench", report->bench);
	json_put_known_text(&builder, object, "server", report->server);
	json_put_known_text(&builder, object, "lastError", report->error);
	json_put_known_number(&builder, object, "lastErrorUSec", (int64_t)report->error_us);
	json_put_known_number(&builder, object, "lastContactUSec", (int64_t)report->contact_us);
	json_put_known_number(&builder, object, "behindSinceUSec", (int64_t)report->behind_us);
	if (report->backlog >= 0)
		json_put_number(&builder, object, "backlog", report->backlog);
	json_put_number(&builder, object, "sent", (int64_t)report->sent);
	json_put_number(&builder, object, "received", (int64_t)report->received);
	json_put_number(&builder, object, "leftOut", (int64_t)report->left_out);
	json_put_number(&builder, object, "clockAheadSeconds", report->clock_ahead_seconds);
	json_put_number(&builder, object, "updatedUSec", (int64_t)clock_now().wall_us);
	if (report->shop)
		json_put(&builder, object, "shop", json_object_get(report->shop));
	return json_finish(&builder, object);
}

static int write_draft(const char *draft, const char *text, size_t length)
{
	CLEANUP(closep) int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* For every user of the bench, whatever the umask of the service. */
	(void)fchmod(fd, 0644);
	n = write(fd, text, length);
	return n == (ssize_t)length ? 0 : n < 0 ? -errno : -ENOSPC;
}

int report_write(const struct report *report)
{
	CLEANUP(json_object_putp) struct json_object *object = build(report);
	size_t length;
	const char *text = object ? json_write(object, &length) : NULL;
	char draft[PATH_MAX];
	int r;

	if (!text)
		return -ENOMEM;
	if (snprintf(draft, sizeof(draft), "%s.new", report->path) >= (int)sizeof(draft))
		return -ENAMETOOLONG;
	r = write_draft(draft, text, length);
	if (r == 0 && rename(draft, report->path) < 0)
		r = -errno;
	return r;
}

int report_read(const char *path, struct json_object **ret)
{
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = file_read(path, 0, REPORT_BYTES_MAX, &text, &length);

	return r < 0 ? r : r > 0 ? -EFBIG : json_read(text, length, ret);
}
