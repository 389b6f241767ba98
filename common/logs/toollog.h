/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the log of any restore tool in pieces and converts its lines into events. Each line is
 * recognised by itself, so a fragment needs no beginning. Its memory is bounded for any input. It
 * stores no log and diagnoses nothing. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"

struct toollog;

struct toollog_stats {
	uint64_t lines;	     /* without progress bars */
	uint64_t understood; /* lines with a meaning, or known to mean nothing */
	uint64_t cut;	     /* truncated lines, longer than EVENT_TEXT_MAX */
	uint64_t later;	     /* of the tool, that begin in a form that is not known */
};

/* The first time of day in the tool's own lines, in the time zone of its computer. */
struct toollog_time {
	bool known;
	uint64_t us;	      /* since midnight */
	int year, month, day; /* 0 = no date in its lines */
};

/* The clock of the events. */
enum toollog_clock {
	TOOLLOG_ARRIVAL, /* the time of the piece: for a log that is read while it grows */
	TOOLLOG_OWN, /* the times in the lines, counted from the first piece: for a log that is read
			later. Lines without a time have that of the previous line; midnight is
			handled. */
};

/* Returns NULL when out of memory. */
struct toollog *toollog_new(event_sink *sink, void *user);
struct toollog *toollog_free(struct toollog *log);
DEFINE_FREEP(struct toollog, toollog_free)
/* The log is known to be of a restore tool, even if no line shows it. */
void toollog_expect_tool(struct toollog *log);
/* Call before the first piece; the default is TOOLLOG_ARRIVAL. */
void toollog_set_clock(struct toollog *log, enum toollog_clock clock);

/* Reads a piece of the log that arrived at `at`. For each line the sink gets an EVENT_LOG, then the
 * events of its meaning. A progress bar becomes only an EVENT_PROGRESS, and only if the number
 * changes. */
void toollog_feed(struct toollog *log, struct stamp at, const char *bytes, size_t length);
/* Ends the log; an incomplete last line is read too. If many lines of a tool begin in a form that
 * is not known, this emits the sign SIGN_LATER_LOG, once. */
void toollog_finish(struct toollog *log, struct stamp at);
struct toollog_stats toollog_stats(const struct toollog *log);
struct toollog_time toollog_first_time(const struct toollog *log);
/* The message of a line: without a known prefix, levels and quoting. */
const char *toollog_message_of(const char *line);
/* The texts to search for in each line, by number from 0; NULL after the last. */
const char *toollog_text(size_t number);
