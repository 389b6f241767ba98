/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A firmware file (.ipsw) as a zip archive, read by the same library as idevicerestore: its
 * members, and whether each has the checksum that the archive says. It knows no member. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zip.h>

#include "client/firmware/manifest.h"

#define FIRMWARE_PROBLEM_SIZE 256

struct member {
	char path[FIRMWARE_PATH_SIZE];
	uint64_t size; /* unpacked */
	bool damaged;  /* set by firmware_read() */
};

/* Initialise with {0}. */
struct firmware_archive {
	zip_t *zip;
	struct member *members;
	size_t count;
	uint64_t bytes;			     /* unpacked, all members */
	bool inconsistent;		     /* the members' own headers contradict the directory */
	char problem[FIRMWARE_PROBLEM_SIZE]; /* after -EBADMSG and -E2BIG */
};

/* Opens the file and reads the list of members; with `consistency`, also the members' own headers,
 * which are all over the file. Returns 0; -EBADMSG if it is no zip archive or is
 * damaged, -E2BIG for too many members, both with `problem`; -EINVAL if it is not a file; the errno
 * of open(2), or -ENOMEM. */
int firmware_open(const char *path, bool consistency, struct firmware_archive *archive);
/* For CLEANUP. */
void firmware_archive_done(struct firmware_archive *archive);
/* The member of that path; NULL if there is none. */
struct member *firmware_find(struct firmware_archive *archive, const char *path);
/* Reads one member up to `max` bytes and adds a NUL. Returns 0 with *ret owned by the caller,
 * -ENOENT, -E2BIG, -EBADMSG if it is damaged, or -ENOMEM. */
int firmware_extract(struct firmware_archive *archive, const char *path, size_t max, char **ret,
	size_t *ret_length);

/* Gets a piece of a member; `length` 0 = its end. */
typedef void firmware_piece(
	void *user, const struct member *member, const void *bytes, size_t length);
/* Reads all members, and marks those that are damaged. */
void firmware_read(struct firmware_archive *archive, firmware_piece *piece, void *user);
