/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon from the recorder to the API, over a ring in memory: no source, no casebook, no file.
 */
#pragma once

#include "daemon/server/api.h"

#define RIG_ECID "0x00123456789ABCDE"

struct api_rig;

/* A bench with one phone in restore mode on port 1-2, and one running session of it, whose records
 * are the first. Returns 0 or a negative errno; the caller owns *ret. */
int api_rig_new(struct loop *loop, uint64_t ring_bytes, struct api_rig **ret);
struct api_rig *api_rig_free(struct api_rig *rig);
struct api *api_rig_api(struct api_rig *rig);
/* Records `count` notes with texts of `bytes` bytes that begin with the sequence. */
void api_rig_publish(struct api_rig *rig, size_t count, size_t bytes);
/* Makes the records unreadable from now on. */
void api_rig_break(struct api_rig *rig);
