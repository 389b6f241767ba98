/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon from the recorder to the API, over a ring in memory: no source, no casebook, no file.
 */
#pragma once

#include "daemon/server/api.h"

#define RIG_ECID "0x00123456789ABCDE"

struct rig;

/* A bench with one phone in restore mode on port 1-2, and one running session of it, whose records
 * are the first. Returns 0 or a negative errno; the caller owns *ret. */
int rig_new(struct loop *loop, uint64_t ring_bytes, struct rig **ret);
struct rig *rig_free(struct rig *rig);
struct api *rig_api(struct rig *rig);
/* Records `count` notes with texts of `bytes` bytes that begin with the sequence. */
void rig_publish(struct rig *rig, size_t count, size_t bytes);
/* From now on the records cannot be read. */
void rig_break(struct rig *rig);
