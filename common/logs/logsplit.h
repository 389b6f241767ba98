/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splits a whole log of restore tools into its attempts and folds each one like a watched attempt.
 * Its memory is bounded for any input. It stores no record, names no session and diagnoses
 * nothing. */
#pragma once

#include "common/base/fingerprint.h"
#include "common/model/session.h"
#include "common/logs/toollog.h"

struct logsplit;

/* The start of the time of a log: 0 would mean an unknown time. */
#define LOGSPLIT_EPOCH_US (1000 * USEC_PER_SEC)

/* An attempt of a log, complete. Everything lives until the callback returns. */
struct logsplit_attempt {
	const struct attempt *attempt;	 /* times count from LOGSPLIT_EPOCH_US; no wall clock */
	const struct identity *identity; /* as far as the log names the phone */
	struct fingerprint lines_seen;	 /* of its lines: the same in every copy of the log */
	bool mixed;			 /* its log names another phone as the one restored, too */
	uint64_t lines;			 /* without progress bars */
	uint64_t records;		 /* passed to `record` */
	struct toollog_time first_time;	 /* of the log, not of this attempt */
};

struct logsplit_taker {
	/* The next record of the current attempt, in order: the contents of the log and the
	 * conclusions of the session machine. `sequence` rises from 1 in each attempt. */
	event_sink *record;
	/* The current attempt is complete; the next record is of another one. */
	void (*attempt)(void *user, const struct logsplit_attempt *attempt);
};

/* Returns NULL when out of memory. `taker` is borrowed. */
struct logsplit *logsplit_new(const struct logsplit_taker *taker, void *user);
struct logsplit *logsplit_free(struct logsplit *split);
DEFINE_FREEP(struct logsplit, logsplit_free)

/* Reads the next bytes of the log. */
void logsplit_feed(struct logsplit *split, const char *bytes, size_t length);
/* Ends the log and reports its last attempt, if any. */
void logsplit_finish(struct logsplit *split);
struct toollog_stats logsplit_stats(const struct logsplit *split);
