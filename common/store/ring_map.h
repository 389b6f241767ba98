/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mapping and locking of ring files, for the daemon and the client, and the protection of a writer
 * from pages that become unavailable. It creates, repairs and writes nothing: see
 * common/store/ring_file.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/ring/reader.h"

/* A ring file open for reading. */
struct ring_map;

/* Opens the ring file at `path` for reading, with or without a running daemon. Returns 0, -ENOENT
 * and the other errors of open(2), -EINVAL if it is not a regular file, -EBADMSG if it is not a
 * ring or damaged beyond reading, -EPROTONOSUPPORT for a later version. The caller owns *ret:
 * ring_map_free(). */
int ring_map_open(const char *path, struct ring_map **ret);
struct ring_map *ring_map_free(struct ring_map *map);
DEFINE_FREEP(struct ring_map, ring_map_free)
/* Whether a daemon wrote to it when it was opened. */
bool ring_map_has_writer(const struct ring_map *map);
/* The reader over the file; belongs to the map. */
const struct ring_reader *ring_map_reader(const struct ring_map *map);

/* Maps the whole of a file. Returns 0, -EINVAL if it is not a regular file, -EBADMSG if no ring can
 * have its size, or an errno of fstat(2) or mmap(2). The caller unmaps *ret_bytes. */
int ring_bytes_map(int fd, bool writable, void **ret_bytes, uint64_t *ret_size);
/* Takes an open file description lock, which a kill -9 releases, on a file open for writing.
 * Returns 0, -EBUSY if another process has one, or an errno of fcntl(2). */
int ring_lock(int fd);

/* Protects a writer from SIGBUS: the file was truncated, or its disk fails. From now on, if an
 * access to a page of these bytes raises SIGBUS (mmap(2)), an empty page in memory replaces it. One
 * mapping at a time; any other SIGBUS ends the process as usual. */
void sigbus_guard_start(void *bytes, size_t size);
void sigbus_guard_stop(void);
/* Whether a page was replaced since the start. */
bool sigbus_guard_broke(void);
