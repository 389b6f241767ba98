/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a meter measured: bounded, and nothing follows from it. */
#include "tests/unit/test.h"

#include <string.h>

#include "common/base/text.h"
#include "common/model/bench.h"

#define ECID 0x1C2D6A3C8A802E

struct recorded {
	size_t measurements, others;
	struct stamp last;
};

static uint64_t record(void *user, const struct event *event)
{
	struct recorded *recorded = user;

	if (event->kind == EVENT_MEASUREMENT)
		recorded->measurements++;
	else
		recorded->others++;
	recorded->last = event->at;
	return recorded->measurements + recorded->others;
}

static struct uuid make_id(void *user, struct stamp now)
{
	return (struct uuid){{1}};
}

static struct stamp at_ms(uint64_t ms)
{
	return (struct stamp){1000 * USEC_PER_SEC + ms * USEC_PER_MSEC,
		1800000000 * USEC_PER_SEC + ms * USEC_PER_MSEC};
}

static void feed(struct bench *bench, enum event_kind kind, uint64_t ms)
{
	struct event event = {.at = at_ms(ms), .kind = kind, .source = SOURCE_TOOL, .ecid = ECID};

	event.session = (struct uuid){{2}};
	text_copy(event.name, sizeof(event.name), "Creating filesystem");
	event.number = 12;
	bench_feed(bench, &event);
}

static enum bench_measured measure(struct bench *bench, uint64_t ms, uint64_t now_ms)
{
	struct event event = {.at = at_ms(ms), .kind = EVENT_MEASUREMENT, .ecid = ECID};
	struct uuid session;

	event.number = 5000;
	event.code = 480000;
	return bench_measure(bench, &event, at_ms(now_ms), &session);
}

static struct bench *restoring(struct recorded *recorded)
{
	struct bench *bench = bench_new("bench-1", "", 100, record, make_id, recorded);

	assert_non_null(bench);
	feed(bench, EVENT_SESSION_BEGIN, 0);
	feed(bench, EVENT_IDENTITY, 0);
	feed(bench, EVENT_OPERATION, 0);
	return bench;
}

static void test_only_in_a_running_restore(void **state)
{
	struct recorded recorded = {0};
	CLEANUP(bench_freep) struct bench *bench = restoring(&recorded);

	assert_int_equal(measure(bench, 0, 0), BENCH_MEASURED);
	feed(bench, EVENT_TOOL_END, 500);
	assert_int_equal(measure(bench, 1000, 1000), BENCH_NO_RESTORE);
	assert_int_equal(recorded.measurements, 1);
}

static void test_ten_a_second_and_a_bound(void **state)
{
	struct recorded recorded = {0};
	CLEANUP(bench_freep) struct bench *bench = restoring(&recorded);

	/* They may come late, in one piece. */
	for (uint64_t ms = 0; ms < 1000; ms += 10)
		measure(bench, ms, 5000);
	assert_int_equal(recorded.measurements, 10);
	/* A time before the restore, or to come, is now. */
	assert_int_equal(measure(bench, (uint64_t)-1000, 5000), BENCH_MEASURED);
	assert_int_equal(recorded.last.wall_us, at_ms(5000).wall_us);
	assert_int_equal(measure(bench, 60000, 6000), BENCH_MEASURED);
	assert_int_equal(recorded.last.wall_us, at_ms(6000).wall_us);
	for (uint64_t ms = 7000; ms < 2000000; ms += 100)
		measure(bench, ms, ms);
	assert_int_equal(recorded.measurements, 10000);
	assert_int_equal(measure(bench, 3000000, 3000000), BENCH_THINNED);
}

/* A meter shows current while the phone hangs. */
static void test_no_sign_of_life(void **state)
{
	struct recorded recorded = {0};
	CLEANUP(bench_freep) struct bench *bench = restoring(&recorded);
	size_t others = recorded.others;
	const struct session *session = bench_session(bench, 0);
	uint64_t waited, budget, deadline = bench_tick(bench, at_ms(1000));
	struct attempt before = session->attempt;

	for (uint64_t ms = 1000; ms < 100000; ms += 500)
		measure(bench, ms, ms);
	assert_true(bench_waiting(bench, session, at_ms(100000), &waited, &budget));
	assert_int_equal(waited, 100 * USEC_PER_SEC);
	assert_int_equal(bench_tick(bench, at_ms(100000)), deadline);
	assert_int_equal(recorded.others, others);
	assert_memory_equal(&before, &session->attempt, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_in_a_running_restore),
		cmocka_unit_test(test_ten_a_second_and_a_bound),
		cmocka_unit_test(test_no_sign_of_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
