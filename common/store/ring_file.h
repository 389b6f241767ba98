/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring on disk: makes, locks, opens, resizes and syncs its file, and sets a damaged one aside.
 * What stands in the ring is common/ring's business; it logs nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/ring/reader.h"
#include "common/ring/ring.h"

#define RING_FILE_BYTES_DEFAULT (16 * 1024 * 1024)

/* A ring file open for writing. One thread uses it; one of its own waits for the disk. */
struct ring_file;

enum ring_file_origin {
	RING_FILE_OPENED,    /* it was there */
	RING_FILE_CREATED,   /* there was none */
	RING_FILE_RESIZED,   /* it had another size: the newest records were taken over */
	RING_FILE_SET_ASIDE, /* it could not be used and is now PATH.bad; this one is new */
};

/* What was found and done at the opening, for the log. */
struct ring_file_report {
	enum ring_file_origin origin;
	int reason; /* RING_FILE_SET_ASIDE: -EBADMSG damaged, -EPROTONOSUPPORT a later version's;
		     * RING_FILE_OPENED: 0, or why it could not be resized and stays as it is */
	struct ring_repair repair; /* RING_FILE_OPENED and _RESIZED: what the ring needed */
	int64_t records;	   /* good records in it */
	struct ring_loss loss;	   /* what is missing among them */
};

/* Opens the ring file at `path` with `size` bytes (a multiple of 4096), makes one, resizes it, or
 * sets aside one that cannot be used as PATH.bad, over an older one. All space is taken on disk
 * here, so that a full disk is an error now and never a SIGBUS later. Blocks on the disk. Numbers
 * of records go on over all of that, as far as the old file still tells them. `now` is for the new
 * ring's id. Returns 0 with *ret_report and *ret set, -EBUSY where another writer has the file
 * open, -ENOSPC, -EFBIG (over the file size limit; SIGXFSZ must be ignored), -EINVAL for an
 * impossible size, or an errno of the file calls. The caller owns *ret: ring_file_free(). */
int ring_file_open(const char *path, uint64_t size, struct stamp now,
	struct ring_file_report *ret_report, struct ring_file **ret);

/* Makes a ring in memory alone: what is left to do where there is no disk for it. Returns 0,
 * -EINVAL or -ENOMEM. */
int ring_file_open_memory(uint64_t size, struct stamp now, struct ring_file **ret);

/* Closes it in order: waits for the disk, then notes that the end was in order. NULL is fine;
 * returns NULL. */
struct ring_file *ring_file_free(struct ring_file *file);
DEFINE_FREEP(struct ring_file, ring_file_free)

/* The ring to append to, and a reader over the same bytes; both belong to the file. */
struct ring *ring_file_ring(struct ring_file *file);
const struct ring_reader *ring_file_reader(const struct ring_file *file);

/* For a timer of the loop: starts to bring to the disk what was appended since the last time, and
 * does not wait for it. Returns 0, or the negative errno with which an earlier one failed; that one
 * is then tried again. */
int ring_file_sync(struct ring_file *file);
/* Makes a new file in the place of one that was removed or cut short or whose disk does not give
 * its pages back, with the records that are left, and goes on in it: readers stay as they are, and
 * walks begin anew. Until then records are kept in memory. Blocks on the disk, where something is
 * to be mended. Returns 0 where all is well or the ring is in memory alone, 1 where the file is a
 * new one, -ESTALE where another file is in its place, or an errno of the file calls. */
int ring_file_mend(struct ring_file *file, const char *path, struct stamp now);
/* The same as ring_file_sync(), but waits. */
int ring_file_sync_wait(struct ring_file *file);
