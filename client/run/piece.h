/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A piece of a tool's log as a JSON string of one request. Knows the daemon's limit for requests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that are read for a piece; what JSON makes of them stays below 60 KiB of a request's 64. */
#define PIECE_READ_BYTES 49152

/* How many of the `length` bytes at `bytes` make one piece: as many as fit, but no half character
 * at the end unless `last`. Replaces each byte that is no valid UTF-8, and each NUL, by '?', so
 * that the text has as many bytes as the log. 0 where more has to come first. */
size_t piece_prepare(char *bytes, size_t length, bool last);
