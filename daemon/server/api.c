/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/api.h"

#include <errno.h>

#include "daemon/server/methods.h"
#include "daemon/server/streams.h"

int api_new(struct loop *loop, const struct api_parts *parts, struct api **ret)
{
	CLEANUP(api_freep) struct api *api = calloc(1, sizeof(*api));
	struct server_handler handler = {
		.call = methods_call, .drained = stream_drained, .gone = stream_gone, .user = api};
	int r;

	if (!api)
		return -ENOMEM;
	TAILQ_INIT(&api->streams);
	api->parts = *parts;
	api->query = (struct query){.store = parts->store, .live = true};
	r = server_new(loop, &handler, &api->server);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(api);
	return 0;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	server_free(api->server);
	json_object_put(api->status);
	free(api);
	return NULL;
}

void api_set_limits(struct api *api, const struct api_limits *limits)
{
	api->parts.limits = *limits;
	sealer_set_casebook_bytes(api->parts.sealer, limits->casebook_bytes);
}

struct server *api_server(struct api *api)
{
	return api->server;
}
