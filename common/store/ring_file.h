/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring on disk: creates, locks, opens, resizes and syncs its file, and renames a damaged one.
 * common/ring handles the contents. It logs nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/ring/reader.h"
#include "common/ring/ring.h"

#define RING_FILE_BYTES_DEFAULT (16 * 1024 * 1024)

/* A ring file open for writing. Use it from one thread; its own thread waits for the disk. */
struct ring_file;

enum ring_file_origin {
	RING_FILE_OPENED,    /* it was there */
	RING_FILE_CREATED,   /* there was none */
	RING_FILE_RESIZED,   /* it had another size: the newest records were copied */
	RING_FILE_SET_ASIDE, /* it could not be used and was renamed to PATH.bad; this one is new */
};

/* The result of the opening, for the log. */
struct ring_file_report {
	enum ring_file_origin origin;
	int reason; /* RING_FILE_SET_ASIDE: -EBADMSG damaged, -EPROTONOSUPPORT a later version;
		       RING_FILE_OPENED: 0, or the reason why it was not resized */
	struct ring_repair repair; /* RING_FILE_OPENED and _RESIZED: repairs of the ring */
};

/* Opens the ring file at `path` as the only writer, by a lock on PATH.lock, with `size` bytes (a
 * multiple of 4096), or creates or resizes it, or renames an unusable one to PATH.bad, replacing an
 * older one. It allocates all disk space here, so that a full disk is an error now and never a
 * SIGBUS later. Blocks on the disk. Record numbers continue in every case, if the old file still
 * shows them. `now` is for the new ring's id. Returns 0 with *ret_report and *ret set, -EBUSY if
 * another writer has the file open, -ENOSPC, -EFBIG (over the file size limit; SIGXFSZ must be
 * ignored), -EINVAL for an impossible size, or an errno of the file calls. The caller owns *ret:
 * ring_file_free(). */
int ring_file_open(const char *path, uint64_t size, struct stamp now,
	struct ring_file_report *ret_report, struct ring_file **ret);

/* Creates a ring only in memory: the last resort without a usable disk. Returns 0, -EINVAL or
 * -ENOMEM. */
int ring_file_open_memory(uint64_t size, struct stamp now, struct ring_file **ret);

/* Closes it cleanly: waits for the disk, then records the clean end. NULL is fine; returns NULL. */
struct ring_file *ring_file_free(struct ring_file *file);
DEFINE_FREEP(struct ring_file, ring_file_free)

/* The ring to append to, and a reader over the same bytes; both belong to the file. */
struct ring *ring_file_ring(struct ring_file *file);
const struct ring_reader *ring_file_reader(const struct ring_file *file);

/* For a timer of the loop: starts a sync of the records appended since the last one, and does not
 * wait. Returns 0, or the negative errno of an earlier failed sync, which is then retried. When all
 * records are on disk, the ring takes no memory of the process until it is used again. */
int ring_file_sync(struct ring_file *file);
/* Syncs all of it, and waits: also what was erased, which is no record. Returns 0 or a negative
 * errno. */
int ring_file_sync_now(struct ring_file *file);
/* Whether a sync was started whose end ring_file_sync() has not seen. */
bool ring_file_syncs(const struct ring_file *file);
/* Whether the thread that syncs it hangs: disk_sync_hangs(). */
bool ring_file_hangs(struct ring_file *file, struct stamp now);
/* Replaces a file that was removed or truncated or whose pages cannot be read from disk, with the
 * remaining records, and continues in the new one. Readers stay valid; walks start again. Until
 * then, records are only in memory. Blocks on the disk if a repair is needed. Returns 0 if nothing
 * is wrong or the ring is only in memory, 1 after a replacement, -ESTALE if another file is at the
 * path, or an errno of the file calls. */
int ring_file_mend(struct ring_file *file, const char *path, struct stamp now);
