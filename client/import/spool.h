/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stores the records of an attempt until the attempt is identified, in a file without a name, so
 * that memory does not grow with the log. It does not talk to the daemon. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"

struct spool;

/* Returns 0, or a negative errno of the temporary file. The caller owns *ret. */
int spool_open(struct spool **ret);
struct spool *spool_free(struct spool *spool);
DEFINE_FREEP(struct spool, spool_free)

/* Empties it for the next attempt. spool_rewind() returns a failure. */
void spool_clear(struct spool *spool);
/* Adds a record. Above its limits it drops plain lines, then all records: the rest of such a log
 * repeats itself. spool_rewind() returns a failed write. */
void spool_add(struct spool *spool, const struct event *event);
/* The sequence of the last record; 0 = none. */
uint64_t spool_last(const struct spool *spool);
uint64_t spool_bytes(const struct spool *spool);
/* The number of dropped records. */
uint64_t spool_left_out(const struct spool *spool);
/* Starts reading at the first record. Returns 0, or a negative errno, also if the file could not be
 * emptied or a record not be stored. */
int spool_rewind(struct spool *spool);
/* Reads the next record; its text lives until the next call. Returns 1, 0 at the end, or a negative
 * errno. */
int spool_next(struct spool *spool, struct event *ret);
