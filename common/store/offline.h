/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state directory of a stopped daemon, open for reading: the ring, replayed through a bench,
 * and the casebook. It writes nothing. */
#pragma once

#include "common/store/store.h"

struct offline;

/* Opens the files. Returns 0, with *ret_ring_error = 0 or the reason why the ring could not be read
 * and only the casebook is used, or a negative errno: -ENOENT if there are no files. The caller
 * owns *ret: offline_free(). */
int offline_open(const char *state_dir, int *ret_ring_error, struct offline **ret);
struct offline *offline_free(struct offline *offline);
DEFINE_FREEP(struct offline, offline_free)

struct store *offline_store(struct offline *offline);
