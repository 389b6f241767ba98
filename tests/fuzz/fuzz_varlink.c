/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes that a caller writes, through the real server to a canned backend and back. Whatever
 * comes, each answer is whole and can be read. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/log.h"
#include "common/wire/varlink.h"
#include "daemon/loop.h"
#include "tests/fuzz/fuzz.h"
#include "tests/integration/fakebackend.h"

#define TURNS_MAX 200
#define IDLE_TURNS 4
#define RECORDS_KEPT 32
#define ANSWERS_MAX (8u << 20) /* bytes that are looked at */

struct world {
	struct loop *loop;
	struct loop_timer *turn;
	struct fake *fake;
	struct api *api;
	int fd; /* the caller's end */
	size_t length;
};

static char answers[ANSWERS_MAX];

static void end_turn(void *user)
{
	struct world *world = user;

	loop_quit(world->loop, 0);
}

static void check_answers(struct world *world)
{
	const char *begin = answers;
	size_t left = world->length;
	const char *end;

	while ((end = memchr(begin, '\0', left))) {
		struct varlink_reply reply;

		if (varlink_reply_read(begin, (size_t)(end - begin), &reply) < 0)
			abort();
		varlink_reply_done(&reply);
		left -= (size_t)(end + 1 - begin);
		begin = end + 1;
	}
}

/* Lets the server work until nothing comes any more. */
static void play(struct world *world)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < TURNS_MAX && idle < IDLE_TURNS; i++) {
		ssize_t n;

		loop_timer_start(world->turn, 0);
		loop_run(world->loop);
		n = recv(world->fd, answers + world->length, ANSWERS_MAX - world->length,
			MSG_DONTWAIT);
		idle = n <= 0 ? idle + 1 : 0;
		if (n > 0)
			world->length += (size_t)n;
	}
}

static bool make_world(struct world *world)
{
	struct api_backend backend;

	world->fake = fake_new(RECORDS_KEPT, 1);
	if (!world->fake || loop_new(&world->loop) < 0)
		return false;
	fake_backend(world->fake, &backend);
	if (loop_timer_new(world->loop, end_turn, world, &world->turn) < 0 ||
		api_new(world->loop, &backend, "fuzz", &world->api) < 0)
		return false;
	fake_attach(world->fake, world->api);
	fake_publish(world->fake, RECORDS_KEPT / 2, 40);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.fd = -1};
	int pair[2];

	log_set_level(LOG_LEVEL_ERROR);
	if (make_world(&world) &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
		world.fd = pair[0];
		/* What the socket does not take at once is cut. */
		if (size > 0 && send(world.fd, data, size, 0) < 0 && errno != EAGAIN)
			abort();
		shutdown(world.fd, SHUT_WR);
		api_adopt(world.api, pair[1]);
		play(&world);
		fake_publish(world.fake, 3, 100);
		play(&world);
		check_answers(&world);
		close(world.fd);
	}
	fake_attach(world.fake, NULL);
	api_free(world.api);
	loop_timer_free(world.turn);
	loop_free(world.loop);
	fake_free(world.fake);
	return 0;
}
