/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers in the place of a daemon that is not running, from its ring and its casebook: the methods
 * that only read, with the same replies. Writes nothing. */
#pragma once

#include "client/client.h"
#include "common/wire/varlink.h"

struct past;

/* Opens what is in the state directory. Returns 0, with in *ret_ring_error why the ring could not
 * be read and the casebook stands alone (0 = it was), or a negative errno: -ENOENT where nothing
 * is. The caller owns *ret: past_free(). */
int past_open(const char *state_dir, int *ret_ring_error, struct past **ret);
struct past *past_free(struct past *past);
DEFINE_FREEP(struct past, past_free)

/* Answers a call as the daemon would, with an error for what only the daemon can. `parameters` are
 * borrowed and may be NULL. Returns 0 with *ret set (varlink_reply_done() frees it), or -ENOMEM. */
int past_call(struct past *past, const char *method, struct json_object *parameters,
	struct varlink_reply *ret);
