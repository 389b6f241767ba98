/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Brings what the ring tells of sessions into the casebook, so that the ring's wrap cannot destroy
 * it: follows the ring, keeps each session's records as they fill a run, and seals the session when
 * it has ended. What it has not done when the daemon ends, or while the casebook cannot be
 * used, it does later, for the ring still has it. */
#pragma once

#include "common/casebook/history.h"
#include "common/ring/reader.h"
#include "daemon/io/casebook_file.h"

struct archive;

/* `path` is the casebook's; it is opened by archive_advance(). The texts are copied, the rest must
 * outlive the archive. Returns NULL when memory is out. */
struct archive *archive_new(
	const char *path, const struct bench *bench, const struct ring_reader *reader);
/* Closes the casebook. NULL is fine; returns NULL. */
struct archive *archive_free(struct archive *archive);
DEFINE_FREEP(struct archive, archive_free)

/* Opens the casebook where it is not open. Returns 0, or the negative errno of
 * casebook_file_open(); *ret_report is set with 0. */
int archive_open(struct archive *archive, struct casebook_report *ret_report);
/* Goes on through the ring, some records at a time. Returns 1 where more are waiting, 0 at the end,
 * or a negative errno: then the casebook is closed, and after the next archive_open() it begins
 * anew. */
int archive_advance(struct archive *archive, struct stamp now);

/* Begins anew at the oldest record, for a ring that was replaced; what is kept stays kept. */
void archive_rewind(struct archive *archive);

/* The bench with the casebook, for reading. */
struct history *archive_history(struct archive *archive);
/* For writing what people tell; NULL while the casebook is not open. */
struct casebook_file *archive_file(struct archive *archive);
