/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes that a caller writes, through the real server and methods to a ring in memory and back.
 * Whatever comes, each answer is whole and can be read. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/log.h"
#include "common/wire/varlink.h"
#include "daemon/loop.h"
#include "tests/fuzz/fuzz.h"
#include "tests/integration/api_rig.h"

#define TURNS_MAX 200
#define IDLE_TURNS 4
#define RING_BYTES (128u << 10)
#define RECORDS 16
#define ANSWERS_MAX (8u << 20) /* bytes that are looked at */

struct world {
	struct loop *loop;
	struct loop_timer *turn;
	struct api_rig *rig;
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

/* Runs the server until it sends nothing more. */
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
	if (loop_new(&world->loop) < 0 || api_rig_new(world->loop, RING_BYTES, &world->rig) < 0 ||
		loop_timer_new(world->loop, end_turn, world, &world->turn) < 0)
		return false;
	api_rig_publish(world->rig, RECORDS, 40);
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
		/* Input that the socket does not accept at once is dropped. */
		if (size > 0 && send(world.fd, data, size, 0) < 0 && errno != EAGAIN)
			abort();
		shutdown(world.fd, SHUT_WR);
		server_adopt(api_server(api_rig_api(world.rig)), pair[1]);
		play(&world);
		api_rig_publish(world.rig, 3, 100);
		play(&world);
		check_answers(&world);
		close(world.fd);
	}
	api_rig_free(world.rig);
	loop_timer_free(world.turn);
	loop_free(world.loop);
	return 0;
}
