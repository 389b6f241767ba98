/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads whole files. It does not interpret them. */
#pragma once

#include <stddef.h>

/* Reads the file or pipe at `path`, opened with O_RDONLY and `flags`, up to `max` bytes, and adds a
 * NUL. Returns 0, 1 if there are more than `max` bytes, -ENOMEM, or the errno of open(2) or
 * read(2). The caller frees *ret. */
int file_read(const char *path, int flags, size_t max, char **ret, size_t *ret_length);

/* Syncs the folder of `path` to disk: that the file was created, renamed or deleted. Returns 0 or a
 * negative errno. */
int file_sync_name(const char *path);
