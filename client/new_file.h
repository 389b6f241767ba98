/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that a command makes for its user: whole or not there at all. Does not know what is in it.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

/* Begin with {0}. */
struct new_file {
	const char *path; /* borrowed; "-" = standard output */
	char *name;	  /* of the file beside it that is being written; NULL = none */
	FILE *stream;
};

#define NEW_FILE_PRIVATE 0600
#define NEW_FILE_SHARED 0666

/* Opens it for writing, with the permissions `mode` that the umask leaves. Nothing but an ordinary
 * file is replaced. Returns an exit code, after saying why. */
int new_file_open(struct new_file *file, const char *path, mode_t mode);
/* Brings it to the disk and to its place. Returns an exit code, after saying why. */
int new_file_finish(struct new_file *file);
/* For CLEANUP: what was not finished is removed. */
void new_file_done(struct new_file *file);
