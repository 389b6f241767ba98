/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the log of a restore tool, in pieces as it comes, and tells what its lines mean as events.
 * Any tool's: each line is known by itself, so a fragment needs no beginning. Bounded memory,
 * whatever comes; it keeps no log and judges nothing. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"

struct toollog;

struct toollog_stats {
	uint64_t lines;	     /* progress bars are none */
	uint64_t understood; /* lines that meant something, or are known to mean nothing */
	uint64_t cut;	     /* lines longer than EVENT_TEXT_MAX, of which the end was dropped */
};

/* The first time of day that the tool's own lines tell, in the time zone of its computer. */
struct toollog_time {
	bool known;
	uint64_t us;	      /* since midnight */
	int year, month, day; /* 0 = its lines tell no date */
};

/* Whose time the events have. */
enum toollog_clock {
	TOOLLOG_ARRIVAL, /* that of the piece: for a log that is followed while it grows */
	TOOLLOG_OWN,	 /* what the lines say, counted from the first piece: for one read later.
			  * Lines without a time have that of the line before; midnight is
			  * understood. */
};

/* Returns NULL when memory is out. */
struct toollog *toollog_new(event_sink *sink, void *user);
struct toollog *toollog_free(struct toollog *log);
DEFINE_FREEP(struct toollog, toollog_free)
/* Call before the first piece; without it TOOLLOG_ARRIVAL holds. */
void toollog_set_clock(struct toollog *log, enum toollog_clock clock);

/* Takes a piece of the log that was seen at `at`. For each line the sink gets an EVENT_LOG, then
 * what the line means; progress bars become EVENT_PROGRESS alone, and only where the number
 * changes. */
void toollog_feed(struct toollog *log, struct stamp at, const char *bytes, size_t length);
/* The log has ended: a last line without its end is taken too. */
void toollog_finish(struct toollog *log, struct stamp at);
struct toollog_stats toollog_stats(const struct toollog *log);
struct toollog_time toollog_first_time(const struct toollog *log);
/* The texts that each line is searched for, by number from 0; NULL behind the last. */
const char *toollog_text(size_t number);
