/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends the changes of this bench to the server, batch by batch: each is one transaction, which
 * also stores how far it goes. So a crash, here or there, repeats at most one batch. */
#pragma once

#include "sync/context.h"

#define PUSHER_CURSOR_SIZE 64

struct pusher {
	struct context *context;
	char pushed[PUSHER_CURSOR_SIZE]; /* what the server has; empty = nothing */
	char next[PUSHER_CURSOR_SIZE];	 /* what it has once the batch is committed */
	bool known;			 /* the server said what it has */
	bool running;
	size_t limit; /* of changes in a batch */
	size_t count; /* of them in this batch that were queued */
};

/* Starts a batch, unless one is running or nothing has changed. */
void pusher_work(struct pusher *pusher);
/* Says where the server is: on connecting. NULL = it has nothing. */
void pusher_begin(struct pusher *pusher, const char *pushed);
/* The connection ended. */
void pusher_stop(struct pusher *pusher);
/* Counts what waits, for the report. */
void pusher_count(struct pusher *pusher);
