/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that a command creates for its user: complete or absent. It does not depend on the
 * content. */
#pragma once

#include <stdio.h>
#include <sys/types.h>

/* Initialise with {0}. */
struct new_file {
	const char *path; /* borrowed; "-" = standard output */
	char *name;	  /* of the temporary file next to it; NULL = none */
	FILE *stream;
	const char *option; /* that names another path; NULL = -o */
};

#define NEW_FILE_PRIVATE 0600
#define NEW_FILE_SHARED 0666

/* Opens it for writing, with the permissions `mode` minus the umask. It replaces only regular
 * files. Returns an exit code, after reporting an error. */
int new_file_open(struct new_file *file, const char *path, mode_t mode);
/* Syncs the file to disk and renames it to `path`. Returns an exit code, after reporting an
 * error. */
int new_file_finish(struct new_file *file);
/* For CLEANUP: removes an unfinished file. */
void new_file_done(struct new_file *file);
/* The path of `name` in the folder for the user's state: XDG Base Directory Specification, relative
 * paths are invalid. The caller frees it; NULL = out of memory. */
char *new_file_state_path(const char *name);
/* The same for the user's configuration. */
char *new_file_config_path(const char *name);
/* Creates the missing folders of `path`. Returns 0 or a negative errno. */
int new_file_make_folders(char *path);
