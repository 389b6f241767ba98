/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends a tool's log to the daemon by offset: begins a session, sends pieces, ends it, and after a
 * lost connection resumes at the end of the daemon's copy. It never blocks, never gives up while
 * the tool runs, and holds no part of the log in memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"
#include "client/run/logfile.h"
#include "client/run/tool.h"
#include "common/base/id.h"

#define FEED_SENTENCE_BYTES 256

enum feed_state {
	FEED_APART,	/* no connection; retries at `next_us` */
	FEED_BEGINNING, /* BeginRun is pending */
	FEED_IDLE,	/* connected, no call is pending */
	FEED_APPENDING, /* AppendLog is pending */
	FEED_ENDING,	/* EndRun is pending */
	FEED_OVER,	/* done; no more retries */
};

struct feed {
	const char *socket;
	struct json_object *begin; /* parameters of BeginRun; owned */
	struct connection *connection;
	enum feed_state state;
	char session[UUID_TEXT_SIZE]; /* empty until the daemon has assigned it */
	int64_t offset;		      /* bytes of the daemon's copy of the log */
	int64_t sent_to;	      /* end of the pending piece */
	unsigned int stalls;	      /* consecutive pieces that the daemon did not accept */
	unsigned int begins;
	uint64_t next_us;      /* monotonic: when to retry, to query the progress, or to time out */
	uint64_t hold_us;      /* no session begins before this time */
	uint64_t pause_us;     /* between attempts to connect */
	uint64_t ended_us;     /* when the tool's end was first seen; 0 = it is running */
	uint64_t ask_every_us; /* interval of progress queries when there is nothing to send */
	struct json_object *progress;	   /* latest Session from the daemon; owned */
	uint64_t progress_us;		   /* time of `progress` */
	bool ended_told;		   /* the daemon has received the end */
	bool told;			   /* this outage was reported */
	bool log_refused;		   /* the daemon accepts no more of the log, only the end */
	char notice[FEED_SENTENCE_BYTES];  /* a sentence to print now; empty = none */
	char problem[FEED_SENTENCE_BYTES]; /* why the daemon's copy is incomplete; empty = it is
					      complete */
};

/* `begin` holds the parameters of BeginRun; feed_init() takes ownership. `socket` is borrowed. */
void feed_init(
	struct feed *feed, const char *socket, struct json_object *begin, uint64_t ask_every_us);
void feed_done(struct feed *feed);
/* Delays the session until `until_us` at most, while the tool runs: its version may still
 * arrive. */
void feed_hold(struct feed *feed, uint64_t until_us);
/* Ends the delay. `version` is the tool's; empty = unknown. */
void feed_release(struct feed *feed, const char *version);
/* Does everything that is possible now. Call it when feed_fd() is ready, when the log has grown,
 * when the tool has ended, and at feed_next(). `limit` is the end of the log. */
void feed_work(struct feed *feed, const struct logfile *log, int64_t limit, const struct tool *tool,
	uint64_t now_us);
/* The descriptor to poll; -1 = none. */
int feed_fd(const struct feed *feed);
short feed_events(const struct feed *feed);
/* The latest monotonic time for the next feed_work(). */
uint64_t feed_next(const struct feed *feed);
