/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a daemon left in its state directory, opened for reading: the ring, replayed through a
 * bench, and the casebook. It writes nothing. */
#pragma once

#include "common/store/store.h"

struct offline;

/* Opens what is there. Returns 0, with in *ret_ring_error why the ring could not be read and the
 * casebook stands alone (0 = it was), or a negative errno: -ENOENT where nothing is. The caller
 * owns *ret: offline_free(). */
int offline_open(const char *state_dir, int *ret_ring_error, struct offline **ret);
struct offline *offline_free(struct offline *offline);
DEFINE_FREEP(struct offline, offline_free)

struct store *offline_store(struct offline *offline);
