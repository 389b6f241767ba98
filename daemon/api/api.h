/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's surface: the Varlink interface of common/wire on a Unix socket. It answers from its
 * backend, and holds nothing but its callers. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"
#include "daemon/api/backend.h"

struct api;
struct loop;

/* Makes the API, which listens nowhere yet. `backend` is copied; `version` lives for ever. Returns
 * 0 or a negative errno; the caller owns *ret, and frees it before the loop and the backend. */
int api_new(struct loop *loop, const struct api_backend *backend, const char *version,
	struct api **ret);
/* Ends every connection, after one try to send what is unsent. Removes the socket that
 * api_listen() made. */
struct api *api_free(struct api *api);
DEFINE_FREEP(struct api, api_free)

/* Listens at `path` (mode 0660). A socket that nobody listens at any more is replaced. Returns 0,
 * -EADDRINUSE where another process listens there, or a negative errno. */
int api_listen(struct api *api, const char *path);
/* Listens at a socket that is bound and listening already (socket activation). Takes `fd`, also
 * where it fails. */
int api_listen_fd(struct api *api, int fd);

/* Takes a connected Unix socket as one more caller, under the same limits. */
void api_adopt(struct api *api, int fd);

/* A recorder_observer: sends the record to everyone who follows. */
void api_observe(void *api, const struct event *record);
