/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A backend for tests of the API: the real bench over a small ring in memory, and nothing around
 * it. No file, no source, no tool's log is read. */
#pragma once

#include "daemon/api/api.h"

#define FAKE_ECID "0x00123456789ABCDE"

struct fake;

/* A bench with one phone in restore mode on port 1-2, and one running session of it, whose records
 * are the first. The ring keeps `keep` records; their numbers begin at `first`. Returns NULL when
 * memory is out. */
struct fake *fake_new(size_t keep, uint64_t first);
struct fake *fake_free(struct fake *fake);
/* Fills in the functions. */
void fake_backend(struct fake *fake, struct api_backend *ret);
/* Whom records are published to from now on; NULL = nobody. */
void fake_attach(struct fake *fake, struct api *api);
/* Records `count` notes with texts of `bytes` bytes that begin with the sequence. */
void fake_publish(struct fake *fake, size_t count, size_t bytes);
/* From now on the records cannot be read. */
void fake_break(struct fake *fake);
