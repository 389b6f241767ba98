/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the API share. Not for the rest of the daemon: that sees api.h. */
#pragma once

#include <sys/queue.h>

#include "daemon/api/api.h"
#include "daemon/api/server.h"

struct stream;
TAILQ_HEAD(stream_list, stream);

struct api {
	struct server *server;
	struct api_backend backend;
	const char *version;
	struct stream_list streams;
};
