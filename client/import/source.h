/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the bytes of files to import: plain, compressed with gzip or xz, or the members of a zip.
 * It unpacks nothing to disk and reads no more than its limits. It does not interpret the bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

struct source;

/* A file, or a member of an archive. The source owns the texts, which are clean. */
struct source_member {
	const char *label; /* for people: the file, and the member if there are several */
	const char *name;  /* without folders */
	uint64_t wall_us;  /* time of the last write; 0 = unknown */
	bool of_archive;
};

#define SOURCE_PROBLEM_SIZE 192

/* Opens the file at `path`; "-" is standard input. Returns 0, or a negative errno with the reason
 * for people, as part of a sentence, in `problem`. The caller owns *ret. */
int source_open(const char *path, struct source **ret, char problem[static SOURCE_PROBLEM_SIZE]);
struct source *source_free(struct source *source);
DEFINE_FREEP(struct source, source_free)

/* Moves to the next member that has content. Returns 1 with *ret valid until the next call, 0 if
 * there is none, or a negative errno; source_problem() has the reason. */
int source_next(struct source *source, struct source_member *ret);
/* Reads the next `size` bytes of the member, fewer only at its end. Returns their number, 0 at the
 * end, or a negative errno: -EFBIG above the limit of unpacked data. */
long source_read(struct source *source, char *bytes, size_t size);
/* Why the last call failed, for people, as part of a sentence. */
const char *source_problem(const struct source *source);
/* Size of the file in bytes, as stored; 0 if unknown. */
int64_t source_size(const struct source *source);
/* The part of it that has been read, in thousandths; 0 if the size is unknown. */
int source_permille(const struct source *source);
