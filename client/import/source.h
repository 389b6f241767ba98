/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of files to import: plain, packed with gzip or xz, or the members of a zip. Nothing is
 * unpacked to disk, and no more than its limits is read. Does not know what the bytes say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

struct source;

/* What stands in a file, or a member of an archive. Texts are the source's own, and clean. */
struct source_member {
	const char *label; /* for people: the file, with the member where there are several */
	const char *name;  /* without folders */
	uint64_t wall_us;  /* when it was written last; 0 = not known */
	bool of_archive;
};

#define SOURCE_PROBLEM_SIZE 192

/* Opens the file at `path`; "-" is standard input. Returns 0, or a negative errno with the reason
 * for people, in the middle of a sentence, in `problem`. The caller owns *ret. */
int source_open(const char *path, struct source **ret, char problem[static SOURCE_PROBLEM_SIZE]);
struct source *source_free(struct source *source);
DEFINE_FREEP(struct source, source_free)

/* Goes on to the next member that has content. Returns 1 with *ret set until the next call, 0 when
 * there is none, or a negative errno, of which source_problem() tells more. */
int source_next(struct source *source, struct source_member *ret);
/* Reads the next bytes of the member: as many as `size` but at its end. Returns 0 there, or a
 * negative errno: -EFBIG past the limit of what is unpacked. */
long source_read(struct source *source, char *bytes, size_t size);
/* Why the last call failed, for people, in the middle of a sentence. */
const char *source_problem(const struct source *source);
/* Bytes of the file as it lies there; 0 where that is not known. */
int64_t source_size(const struct source *source);
/* How much of them has been read, in thousandths; 0 where their number is not known. */
int source_permille(const struct source *source);
