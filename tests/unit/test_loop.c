/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop.h"

#include <signal.h>
#include <sys/socket.h>

#include "tests/unit/test.h"
#include "tests/unit/wait.h"

struct rig {
	struct loop *loop;
	int pair[2];
	struct loop_io *io;
	struct loop_timer *first, *second;
	struct loop_signal *signal;
	unsigned ready;
	size_t calls;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(loop_new(&rig->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, rig->pair), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	loop_io_free(rig->io);
	loop_timer_free(rig->first);
	loop_timer_free(rig->second);
	loop_signal_free(rig->signal);
	loop_free(rig->loop);
	close(rig->pair[0]);
	close(rig->pair[1]);
	free(rig);
	return 0;
}

static void take_ready(void *user, unsigned ready)
{
	struct rig *rig = user;

	rig->ready = ready;
	rig->calls++;
	rig->io = loop_io_free(rig->io);
}

static void watch_may_free_itself(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(
		loop_watch(rig->loop, rig->pair[0], LOOP_READ, take_ready, rig, &rig->io), 0);
	assert_int_equal(write(rig->pair[1], "x", 1), 1);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(rig->ready, LOOP_READ);
	assert_int_equal(rig->calls, 1);
}

static void interest_alone_is_told(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(write(rig->pair[1], "x", 1), 1);
	assert_int_equal(
		loop_watch(rig->loop, rig->pair[0], LOOP_WRITE, take_ready, rig, &rig->io), 0);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(rig->ready, LOOP_WRITE);
}

static void second_fired(void *user)
{
	struct rig *rig = user;

	loop_quit(rig->loop, 7);
}

static void first_fired(void *user)
{
	struct rig *rig = user;

	if (++rig->calls < 3)
		loop_timer_start(rig->first, 100);
	else
		loop_timer_start(rig->second, 0);
}

static void timers_and_status(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(loop_timer_new(rig->loop, first_fired, rig, &rig->first), 0);
	assert_int_equal(loop_timer_new(rig->loop, second_fired, rig, &rig->second), 0);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_int_equal(rig->calls, 0);
	assert_int_equal(loop_timer_start(rig->first, 0), 0);
	assert_int_equal(loop_run(rig->loop), 7);
	assert_int_equal(rig->calls, 3);
	assert_int_equal(loop_timer_start(rig->first, 60 * USEC_PER_SEC), 0);
	loop_timer_stop(rig->first);
	assert_int_equal(loop_run(rig->loop), 0);
}

static void signals(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(loop_signal_new(rig->loop, SIGUSR1, second_fired, rig, &rig->signal), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_run(rig->loop), 7);
}

static void hold_the_loop(void *user)
{
	uint64_t until = clock_now().monotonic_us + 3000;

	while (clock_now().monotonic_us < until)
		;
}

/* Two callbacks of one turn hold the loop together. */
static void stall_is_measured(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(loop_timer_new(rig->loop, hold_the_loop, rig, &rig->first), 0);
	assert_int_equal(loop_timer_new(rig->loop, hold_the_loop, rig, &rig->second), 0);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_true(loop_longest_stall_us(rig->loop) < 3000);
	loop_timer_start(rig->first, 0);
	loop_timer_start(rig->second, 0);
	assert_int_equal(loop_run(rig->loop), 0);
	assert_true(loop_longest_stall_us(rig->loop) >= 6000);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(watch_may_free_itself),
		RIG_TEST(interest_alone_is_told),
		RIG_TEST(timers_and_status),
		RIG_TEST(signals),
		RIG_TEST(stall_is_measured),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
