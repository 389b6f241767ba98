/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads from the server what other benches know of the phones of this one, and what was purged, and
 * gives it to the daemon. Reading again changes nothing, so nothing is stored of how far it is. */
#pragma once

#include "sync/context.h"

#define PULLER_TIME_SIZE 64
#define PULLER_PURGES_MAX 1000

struct puller {
	struct context *context;
	char since[PULLER_TIME_SIZE]; /* of the server's clock: what is older was read; empty = all
				       */
	char next_since[PULLER_TIME_SIZE];
	bool running;
	bool all; /* it reads of all phones, not only of some */
	bool all_wanted, purges_wanted, failures_wanted;
	int64_t purged, purged_next; /* number of the last purge that was carried out */
	struct json_object *items;   /* of purges that are being read */
	struct json_object *failures;
	bool failed;  /* the daemon did not answer */
	bool put_off; /* it could not store something: all is read again later */
};

/* Reads what is wanted, unless it is reading. */
void puller_work(struct puller *puller);
/* On connecting. */
void puller_begin(struct puller *puller, int64_t purged);
/* The connection ended: what was being read is wanted again. */
void puller_stop(struct puller *puller);
/* Everything that is new is wanted. */
void puller_want_all(struct puller *puller);
void puller_done(struct puller *puller);
