/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A piece of a tool's log as a JSON string for one request, within the daemon's limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes to read for a piece; their JSON stays below 60 of the 64 KiB of a request. */
#define PIECE_READ_BYTES 49152

/* Returns how many of the `length` bytes at `bytes` make one piece: as many as fit, without a
 * partial character at the end unless `last`. Replaces each invalid byte of UTF-8, and each NUL,
 * with '?', so that the text has as many bytes as the log. 0 if more bytes must arrive first. */
size_t piece_prepare(char *bytes, size_t length, bool last);
