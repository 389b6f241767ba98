/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Protects the daemon from SIGBUS when pages of its mapped ring become unavailable: the file was
 * truncated, or its disk fails. It repairs no file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* From now on, if an access to a page of these bytes raises SIGBUS (mmap(2)), an empty page in
 * memory replaces it. One mapping at a time; any other SIGBUS ends the process as usual. */
void sigbus_guard_start(void *bytes, size_t size);
void sigbus_guard_stop(void);
/* Whether a page was replaced since the start. */
bool sigbus_guard_broke(void);
