/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a whole log of restore tools and tells its attempts, one after the other: each folded as if
 * it had been watched. Bounded memory, whatever comes; it keeps no record itself, names no session
 * and judges no cause. */
#pragma once

#include "common/base/fingerprint.h"
#include "common/model/session.h"
#include "common/logs/toollog.h"

struct logsplit;

/* Where the time of a log begins: a moment of 0 would mean an unknown time. */
#define LOGSPLIT_EPOCH_US (1000 * USEC_PER_SEC)

/* An attempt of a log, complete. Everything lives until the taker returns. */
struct logsplit_attempt {
	const struct attempt *attempt;	 /* times count from LOGSPLIT_EPOCH_US; no wall clock */
	const struct identity *identity; /* as far as the log names the phone */
	struct fingerprint lines_seen;	 /* of its lines: the same in every copy of the log */
	uint64_t lines;			 /* progress bars are none */
	uint64_t records;		 /* that were handed on */
	struct toollog_time first_time;	 /* of the log, not of this attempt */
};

struct logsplit_taker {
	/* The next record of the attempt at hand, in order: what the log tells, and what the
	 * session machine concludes from it. `sequence` rises from 1 in each attempt. */
	event_sink *record;
	/* The attempt at hand is complete; the next record is of another one. */
	void (*attempt)(void *user, const struct logsplit_attempt *attempt);
};

/* Returns NULL when memory is out. `taker` is borrowed. */
struct logsplit *logsplit_new(const struct logsplit_taker *taker, void *user);
struct logsplit *logsplit_free(struct logsplit *split);
DEFINE_FREEP(struct logsplit, logsplit_free)

/* Takes the next bytes of the log. */
void logsplit_feed(struct logsplit *split, const char *bytes, size_t length);
/* The log is over: hands on its last attempt, where there is one. */
void logsplit_finish(struct logsplit *split);
struct toollog_stats logsplit_stats(const struct logsplit *split);
