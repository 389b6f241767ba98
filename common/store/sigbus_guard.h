/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the daemon alive where pages of its mapped ring cannot be had any more: the file was cut
 * short, or its disk fails. It mends no file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From now on a page of these bytes that the kernel answers with SIGBUS (mmap(2)) is replaced by an
 * empty one, in memory alone. One mapping at a time; a SIGBUS anywhere else ends the process as
 * ever. */
void sigbus_guard_start(void *bytes, size_t size);
void sigbus_guard_stop(void);
/* Whether a page was replaced since the start. */
bool sigbus_guard_broke(void);
