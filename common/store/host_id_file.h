/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file with the id of this computer (host_id.h) in the daemon's state folder. */
#pragma once

#include "common/model/host_id.h"

/* Returns 0, -ENOENT if no daemon has written it, -EBADMSG if it holds no id, or the errno of
 * open(2) or read(2). */
int host_id_file_read(const char *state_dir, char ret[static HOST_ID_SIZE]);
/* Reads it. Draws the second half if the folder has none, sets the first to `machine` (12 hex
 * digits; NULL = unknown), and stores the id if it is new. *ret is always an id; 0, or a negative
 * errno if it is not stored. */
int host_id_file_renew(const char *state_dir, const char *machine, char ret[static HOST_ID_SIZE]);
