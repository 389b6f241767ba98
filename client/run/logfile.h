/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that a tool's output goes to, written by the tool alone and followed here. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct logfile {
	int fd;	      /* opened to append, for the tool, and to read at offsets, for us */
	int watch_fd; /* readable when the file has grown; -1 = cannot be had, look now and then */
	char *path;   /* owned */
};

/* Creates the file: `wanted`, which must not have content yet, or, with NULL, a new one for `tool`
 * in the folder of logs. Readable by its owner alone. Returns 0, or a negative errno with *failed
 * the path that could not be had (the caller frees it). -EEXIST: `wanted` has content or is no
 * regular file. */
int logfile_create(const char *wanted, const char *tool, struct logfile *ret, char **failed);
void logfile_done(struct logfile *log);
/* Bytes that it has now. */
int64_t logfile_size(const struct logfile *log);
/* Reads at `offset`. Returns the bytes read, 0 at the end or after an error. */
size_t logfile_read(const struct logfile *log, int64_t offset, char *bytes, size_t size);
/* Takes note that the file has grown: `watch_fd` is quiet until it grows again. */
void logfile_noticed(const struct logfile *log);
