/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/io/worker.h"

#include <errno.h>
#include <stdatomic.h>

#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define SHORT_US (50 * USEC_PER_MSEC)

/* Counted in two threads. */
static atomic_int freed;

/* A job that blocks until somebody writes to its pipe, where it has one. */
struct test_job {
	struct worker_job job;
	int fd;
	int result;
};

struct rig {
	struct loop *loop;
	struct loop_timer *timer;
	struct worker *worker;
	int pipe[2];
	enum worker_news news[8];
	size_t count;
	int result;
};

static void run(struct worker_job *job)
{
	struct test_job *test = (struct test_job *)job;
	char byte;

	if (test->fd >= 0 && read(test->fd, &byte, 1) < 0)
		return;
	test->result = 42;
}

static void release(struct worker_job *job)
{
	freed++;
	free(job);
}

static struct worker_job *new_job(int fd)
{
	struct test_job *test = calloc(1, sizeof(*test));

	assert_non_null(test);
	test->job = (struct worker_job){run, release};
	test->fd = fd;
	return &test->job;
}

static void hear(void *user, enum worker_news news, struct worker_job *job)
{
	struct rig *rig = user;

	assert_true(rig->count < ARRAY_SIZE(rig->news));
	assert_int_equal(news == WORKER_DONE, job != NULL);
	rig->news[rig->count++] = news;
	if (job)
		rig->result = ((struct test_job *)job)->result;
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	freed = 0;
	assert_int_equal(loop_new(&rig->loop), 0);
	assert_int_equal(pipe(rig->pipe), 0);
	assert_int_equal(worker_new(rig->loop, SHORT_US, hear, rig, &rig->worker), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	worker_free(rig->worker);
	loop_free(rig->loop);
	close(rig->pipe[0]);
	close(rig->pipe[1]);
	free(rig);
	return 0;
}

static bool heard(void *user)
{
	struct rig *rig = user;

	return rig->count > 0;
}

static bool heard_twice(void *user)
{
	struct rig *rig = user;

	return rig->count > 1;
}

static bool all_freed(void *user)
{
	return freed == 1;
}

static void job_runs(void **state)
{
	struct rig *rig = *state;

	for (int i = 1; i <= 3; i++) {
		rig->count = 0;
		assert_int_equal(worker_start(rig->worker, new_job(-1)), 0);
		assert_true(wait_until(rig->loop, heard, rig));
		assert_int_equal(rig->news[0], WORKER_DONE);
		assert_int_equal(rig->result, 42);
		assert_int_equal(freed, i);
	}
}

/* The loop goes on without it, and it counts no more when it comes back. */
static void overdue_job(void **state)
{
	struct rig *rig = *state;
	struct worker_job *other = new_job(-1);

	assert_int_equal(worker_start(rig->worker, new_job(rig->pipe[0])), 0);
	assert_int_equal(worker_start(rig->worker, other), -EBUSY);
	assert_true(wait_until(rig->loop, heard, rig));
	assert_int_equal(rig->news[0], WORKER_OVERDUE);
	assert_int_equal(worker_start(rig->worker, other), -EBUSY);
	assert_int_equal(write(rig->pipe[1], "x", 1), 1);
	assert_true(wait_until(rig->loop, heard_twice, rig));
	assert_int_equal(rig->news[1], WORKER_BACK);
	assert_int_equal(rig->result, 0);
	rig->count = 0;
	assert_int_equal(worker_start(rig->worker, other), 0);
	assert_true(wait_until(rig->loop, heard, rig));
	assert_int_equal(rig->news[0], WORKER_DONE);
	assert_int_equal(rig->result, 42);
}

/* Freeing does not wait for a job that hangs; the thread cleans up when it returns. */
static void end_in_a_job(void **state)
{
	struct rig *rig = *state;
	uint64_t began_us;

	assert_int_equal(worker_start(rig->worker, new_job(rig->pipe[0])), 0);
	assert_true(wait_until(rig->loop, heard, rig));
	began_us = clock_now().monotonic_us;
	rig->worker = worker_free(rig->worker);
	assert_true(clock_now().monotonic_us - began_us < USEC_PER_SEC);
	assert_int_equal(freed, 0);
	assert_int_equal(write(rig->pipe[1], "x", 1), 1);
	assert_true(wait_until(rig->loop, all_freed, rig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(job_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(overdue_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(end_in_a_job, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
