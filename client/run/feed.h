/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Brings a tool's log to the daemon by offset: begins a session, sends pieces, ends it, and starts
 * again where the daemon's copy ends whenever the connection was lost. Never blocks, never gives up
 * while the tool runs, and keeps nothing of the log in memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"
#include "client/run/logfile.h"
#include "client/run/tool.h"
#include "common/base/id.h"

#define FEED_SENTENCE_BYTES 256

enum feed_state {
	FEED_APART,	/* no connection; tries again at `next_us` */
	FEED_BEGINNING, /* BeginRun is under way */
	FEED_IDLE,	/* connected, nothing under way */
	FEED_APPENDING, /* AppendLog is under way */
	FEED_ENDING,	/* EndRun is under way */
	FEED_OVER,	/* nothing more will be tried */
};

struct feed {
	const char *socket;
	struct json_object *begin; /* parameters of BeginRun; owned */
	struct connection *connection;
	enum feed_state state;
	char session[UUID_TEXT_SIZE]; /* empty until the daemon has named it */
	int64_t offset;		      /* bytes of the log that the daemon has */
	int64_t sent_to;	      /* end of the piece under way */
	unsigned int stalls;	      /* pieces in a row that the daemon did not take */
	unsigned int begins;
	uint64_t next_us;      /* monotonic: when to try again, to ask for progress, or give up on
				* an answer */
	uint64_t hold_us;      /* nothing is begun before */
	uint64_t pause_us;     /* between tries to connect */
	uint64_t ended_us;     /* when the tool's end was first seen; 0 = it runs */
	uint64_t ask_every_us; /* how often to ask for progress when there is nothing to send */
	struct json_object *progress;	   /* Session as the daemon told it last; owned */
	uint64_t progress_us;		   /* when that was */
	bool ended_told;		   /* the daemon knows the end */
	bool told;			   /* this outage was said */
	char notice[FEED_SENTENCE_BYTES];  /* a sentence to say now; empty = none */
	char problem[FEED_SENTENCE_BYTES]; /* why the daemon has not all; empty = it has */
};

/* `begin` (taken) are the parameters of BeginRun. `socket` is borrowed. */
void feed_init(
	struct feed *feed, const char *socket, struct json_object *begin, uint64_t ask_every_us);
void feed_done(struct feed *feed);
/* Begins no session before `until_us`, while the tool runs: what its version is may come yet. */
void feed_hold(struct feed *feed, uint64_t until_us);
/* Ends that. `version` is the tool's; empty = not known. */
void feed_release(struct feed *feed, const char *version);
/* Does what can be done now. Call it when feed_fd() is ready, when the log has grown, when the tool
 * has ended, and at feed_next(). `limit` is where the log ends. */
void feed_work(struct feed *feed, const struct logfile *log, int64_t limit, const struct tool *tool,
	uint64_t now_us);
/* What to poll; -1 = nothing. */
int feed_fd(const struct feed *feed);
short feed_events(const struct feed *feed);
/* The monotonic time at which to call feed_work() again at the latest. */
uint64_t feed_next(const struct feed *feed);
