/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/api.h"

#include <errno.h>

#include "daemon/api/methods.h"
#include "daemon/api/state.h"
#include "daemon/api/watch.h"

static void called(void *user, struct peer *peer, struct varlink_call *call)
{
	methods_call(user, peer, call);
}

static void drained(void *user, struct peer *peer)
{
	stream_drained(user, peer);
}

static void gone(void *user, struct peer *peer)
{
	stream_gone(user, peer);
}

int api_new(
	struct loop *loop, const struct api_backend *backend, const char *version, struct api **ret)
{
	CLEANUP(api_freep) struct api *api = calloc(1, sizeof(*api));
	struct server_handler handler = {
		.call = called, .drained = drained, .gone = gone, .user = api};
	int r;

	if (!api)
		return -ENOMEM;
	TAILQ_INIT(&api->streams);
	api->backend = *backend;
	api->version = version;
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
	free(api);
	return NULL;
}

int api_listen(struct api *api, const char *path)
{
	return server_listen(api->server, path);
}

int api_listen_fd(struct api *api, int fd)
{
	return server_listen_fd(api->server, fd);
}

void api_adopt(struct api *api, int fd)
{
	server_adopt(api->server, fd);
}

void api_observe(void *api, const struct event *record)
{
	stream_publish(api, record);
}
