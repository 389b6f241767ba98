/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state directory of a stopped daemon, open for reading: the ring, replayed through a bench,
 * and the casebook. It writes nothing. */
#pragma once

#include "common/store/store.h"

struct offline;

/* Why a file cannot be read: a negative errno, or 0. */
struct offline_errors {
	int ring, casebook;
};

/* Opens the files. If one of them cannot be read, only the other one is used. Returns 0, or a
 * negative errno if there is none: -ENOENT if there are no files. The caller owns *ret:
 * offline_free(). */
int offline_open(const char *state_dir, struct offline_errors *ret_errors, struct offline **ret);
struct offline *offline_free(struct offline *offline);
DEFINE_FREEP(struct offline, offline_free)

struct store *offline_store(struct offline *offline);
