/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A big log of a restore with -d for the benchmarks, and grep's time for it. */
#pragma once

#include <stddef.h>
#include <sys/resource.h>

#include "common/base/clock.h"

/* Writes the log in the file `sample`, followed by dumps as such logs have them, again and again.
 * `path` is a template for mkstemp(). Returns a descriptor, or -1. */
int biglog_make(const char *sample, size_t megabytes, char *path);
/* The processor time that a process took: other programs on the machine do not count. */
double biglog_seconds(const struct rusage *usage);
/* The seconds in which grep counts the lines that have one of the parser's texts; 0 = it failed. */
double biglog_grep(const char *path);
