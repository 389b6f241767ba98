/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/local.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define ANSWER_MS 20000
#define RETRY_US (2 * USEC_PER_SEC)
/* Records after which the bench has another phone, or another attempt to share. */
static const char *const telling_kinds[] = {
	"attach", "mux-attach", "identity", "session-end", "amendment", "diagnosis"};

struct local {
	struct loop *loop;
	const char *path;
	local_changed *changed;
	void *user;
	struct connection *calls; /* NULL = not connected */
	struct connection *stream;
	struct loop_io *io;
	struct loop_timer *retry;
};

static void on_readable(void *user, unsigned ready);

static int connect_stream(struct local *local)
{
	struct json_builder builder = {0};
	int r = connection_open(local->path, &local->stream);

	if (r == 0)
		r = connection_send(local->stream, &builder, "Watch", NULL, true);
	if (r == 0)
		r = loop_watch(local->loop, connection_fd(local->stream), LOOP_READ, on_readable,
			local, &local->io);
	return r;
}

static void disconnect_stream(struct local *local)
{
	local->io = loop_io_free(local->io);
	local->stream = connection_free(local->stream);
	loop_timer_start(local->retry, RETRY_US);
}

static bool is_telling(struct json_object *parameters)
{
	struct json_object *record = NULL;
	const char *kind = "";

	if (json_get_object(parameters, "record", &record) <= 0)
		return true; /* the state at the start */
	json_get_text(record, "kind", &kind);
	for (size_t i = 0; i < ARRAY_SIZE(telling_kinds); i++)
		if (text_equal(kind, telling_kinds[i]))
			return true;
	return false;
}

static void on_readable(void *user, unsigned ready)
{
	struct local *local = user;
	bool changed = false;
	int broken = connection_work(local->stream), r;

	for (;;) {
		struct varlink_reply reply = {0};

		r = connection_next(local->stream, &reply);
		if (r <= 0)
			break;
		if (reply.error)
			broken = -EPROTO;
		changed |= is_telling(reply.parameters);
		varlink_reply_done(&reply);
	}
	if (broken < 0 || r < 0)
		disconnect_stream(local);
	if (changed)
		local->changed(local->user);
}

static void on_retry(void *user)
{
	struct local *local = user;
	int r = connect_stream(local);

	if (r < 0) {
		log_debug("Cannot reach the daemon at %s: %s", local->path, strerror(-r));
		disconnect_stream(local);
	}
}

int local_call(struct local *local, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret, char error[static 64])
{
	struct varlink_reply reply = {0};
	int r = local->calls ? 0 : connection_open(local->path, &local->calls);

	error[0] = '\0';
	if (r < 0) {
		json_object_put(parameters);
		return r;
	}
	r = connection_send(local->calls, builder, method, parameters, false);
	if (r == 0)
		r = connection_wait(local->calls, ANSWER_MS, &reply);
	if (r < 0) {
		local->calls = connection_free(local->calls);
		return r;
	}
	if (reply.error) {
		text_copy(error, 64, reply.error);
		r = 1;
	} else {
		*ret = json_object_get(reply.parameters);
	}
	varlink_reply_done(&reply);
	return r;
}

int local_new(
	struct loop *loop, const char *path, local_changed *changed, void *user, struct local **ret)
{
	CLEANUP(local_freep) struct local *local = calloc(1, sizeof(*local));
	int r;

	if (!local)
		return -ENOMEM;
	local->loop = loop;
	local->path = path;
	local->changed = changed;
	local->user = user;
	r = loop_timer_new(loop, on_retry, local, &local->retry);
	if (r == 0)
		r = loop_timer_start(local->retry, 0);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(local);
	return 0;
}

struct local *local_free(struct local *local)
{
	if (!local)
		return NULL;
	loop_io_free(local->io);
	loop_timer_free(local->retry);
	connection_free(local->stream);
	connection_free(local->calls);
	free(local);
	return NULL;
}
