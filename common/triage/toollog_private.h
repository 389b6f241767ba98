/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers of the single tools share. For common/triage/toollog*.c alone. */
#pragma once

#include "common/triage/sign.h"
#include "common/triage/toollog.h"

struct toollog {
	event_sink *sink;
	void *user;
	struct stamp at;
	char line[EVENT_TEXT_MAX]; /* the line that is not complete yet */
	size_t length;
	bool cut;
	bool meant_something; /* the line at hand */
	bool amr_error_next;  /* the next line of a plist has its number */
	bool in_device_log;   /* lines of the phone's own log until the tool speaks again */
	int32_t permille;     /* the last one told */
	struct toollog_stats stats;
};

/* An event of the tool at the time of the line. */
struct event toollog_event(const struct toollog *log, enum event_kind kind);
void toollog_emit(struct toollog *log, const struct event *event);
/* The line without its time, level and severity. */
const char *toollog_message(const char *line);

/* Reads one message of idevicerestore, of any generation. */
void toollog_read_idevicerestore(struct toollog *log, const char *message);
/* Reads one line of the phone's own log. Returns false where it is none of the checkpoint engine's.
 */
bool toollog_read_device(struct toollog *log, const char *line);
