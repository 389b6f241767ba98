/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the records of an attempt until it is known what the attempt was: in a file without a name,
 * so that memory does not grow with the log. Knows no daemon. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"

struct spool;

/* Returns 0, or a negative errno of the file for temporary things. The caller owns *ret. */
int spool_open(struct spool **ret);
struct spool *spool_free(struct spool *spool);
DEFINE_FREEP(struct spool, spool_free)

/* Empties it for the next attempt. Returns 0 or a negative errno. */
int spool_clear(struct spool *spool);
/* Keeps a record. Past its limits plain lines are left out, and, further on, all: the rest of such
 * a log says the same again. A failure to write is told by spool_rewind(). */
void spool_add(struct spool *spool, const struct event *event);
/* The sequence of the last one; 0 = there is none. */
uint64_t spool_last(const struct spool *spool);
/* How many were left out. */
uint64_t spool_left_out(const struct spool *spool);
/* Begins to read from the first. Returns 0, or a negative errno, also where a record could not be
 * kept. */
int spool_rewind(struct spool *spool);
/* The next record, whose text lives until the next call. Returns 1, 0 at the end, or a negative
 * errno. */
int spool_next(struct spool *spool, struct event *ret);
