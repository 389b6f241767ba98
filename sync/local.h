/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon of this bench: calls that wait for its answer, and a stream that reports that
 * something happened. It reconnects by itself. The server's side never waits for it longer than one
 * call. */
#pragma once

#include "client/connection.h"
#include "daemon/loop.h"

struct local;

/* Something happened on the bench, or the daemon was reached (again). */
typedef void local_changed(void *user);

/* `path` must outlive it. Returns 0 or a negative errno; the caller owns *ret: local_free(). */
int local_new(struct loop *loop, const char *path, local_changed *changed, void *user,
	struct local **ret);
struct local *local_free(struct local *local);
DEFINE_FREEP(struct local, local_free)

/* Calls a method and waits for the answer. Takes ownership of `parameters` (NULL = none). Returns
 * 0; 1 if the daemon refused, with the error's name in `error`; or a negative errno. On 0, the
 * caller owns *ret. */
int local_call(struct local *local, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret, char error[static 64]);
