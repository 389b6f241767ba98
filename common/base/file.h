/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads whole files. Knows nothing of what is in them. */
#pragma once

#include <stddef.h>

/* Reads the file or pipe at `path`, opened with O_RDONLY and `flags`, up to `max` bytes; a NUL
 * follows them. Returns 0, 1 where more than `max` bytes are in it, -ENOMEM, or the errno of
 * open(2) or read(2). The caller frees *ret. */
int file_read(const char *path, int flags, size_t max, char **ret, size_t *ret_length);
