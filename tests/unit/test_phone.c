/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source that asks phones, with scripts for the program: how many run at once, what ends them,
 * and that nothing is left of them. */
#include "daemon/sources/phone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/base/log.h"
#include "common/model/phone_query_policy.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define SHORT_US (100 * USEC_PER_MSEC)
#define LONG_US (60 * USEC_PER_SEC)
/* Each script first notes that it runs. */
#define BEGIN "#!/bin/sh\necho \"$2\" >>\"${0%/*}/started\"\n"
#define ANSWERS                                                                                    \
	BEGIN "echo '{\"kind\":\"normal\",\"product\":\"iPhone12,3\",\"version\":\"14.8.1\"}'\n"
#define HANGS BEGIN "trap '' TERM INT\nwhile :; do sleep 1; done\n"

static char folder[] = "/tmp/test-phone-XXXXXX";
static char program[sizeof(folder) + 16], started[sizeof(folder) + 16];

struct rig {
	struct loop *loop;
	struct phone *phone;
	struct kept_events events;
	size_t descriptors;
	size_t want;
};

static void write_program(const char *script)
{
	FILE *file = fopen(program, "we");

	assert_non_null(file);
	assert_true(fputs(script, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(program, 0700), 0);
}

static void begin(struct rig *rig, const char *script, uint64_t deadline_us)
{
	const struct phone_options options = {.program = program, .deadline_us = deadline_us};

	if (script)
		write_program(script);
	rig->descriptors = count_descriptors();
	assert_int_equal(phone_new(rig->loop, &options, keep_event, &rig->events, &rig->phone), 0);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	unlink(program);
	unlink(started);
	assert_int_equal(loop_new(&rig->loop), 0);
	*state = rig;
	return 0;
}

/* Whatever a test left running: it ends, is reaped, and its descriptors are closed. */
static int tear_down(void **state)
{
	struct rig *rig = *state;

	phone_free(rig->phone);
	if (rig->descriptors)
		assert_int_equal(count_descriptors(), rig->descriptors);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	loop_free(rig->loop);
	free(rig);
	return 0;
}

static const char *udid(size_t number)
{
	static char text[UDID_SIZE];

	snprintf(text, sizeof(text), "%040zu", number);
	return text;
}

static void ask(struct rig *rig, size_t number)
{
	phone_ask(rig->phone, udid(number), QUERY_NORMAL, clock_now());
}

static size_t count_started(void)
{
	FILE *file = fopen(started, "re");
	size_t count = 0;
	int c;

	while (file && (c = fgetc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

static bool have_started(void *user)
{
	struct rig *rig = user;

	return count_started() >= rig->want;
}

static bool have_answered(void *user)
{
	struct rig *rig = user;

	return count_events(&rig->events, EVENT_SYSTEM) >= rig->want;
}

static bool nothing_is_left(void *user)
{
	struct rig *rig = user;

	return count_descriptors() == rig->descriptors;
}

static void answers_are_reported(void **state)
{
	struct rig *rig = *state;

	begin(rig, ANSWERS, LONG_US);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, 0);
	for (rig->want = 1; rig->want <= 30; rig->want++) {
		ask(rig, rig->want);
		/* Asked already. */
		ask(rig, rig->want);
		assert_true(wait_until(rig->loop, have_answered, rig));
	}
	assert_int_equal(count_started(), 30);
	assert_string_equal(nth_event(&rig->events, EVENT_SYSTEM, 29)->name, "14.8.1");
	assert_string_equal(nth_event(&rig->events, EVENT_IDENTITY, 29)->udid, udid(30));
	assert_true(nothing_is_left(rig));
}

static void few_are_asked_at_once(void **state)
{
	struct rig *rig = *state;

	begin(rig, HANGS, LONG_US);
	for (size_t i = 0; i < PHONE_RUNNING_MAX + 2; i++)
		ask(rig, i);
	rig->want = PHONE_RUNNING_MAX;
	assert_true(wait_until(rig->loop, have_started, rig));
	assert_int_equal(count_started(), PHONE_RUNNING_MAX);
	/* One that leaves makes room for the next. */
	rig->want++;
	phone_forget(rig->phone, udid(1));
	assert_true(wait_until(rig->loop, have_started, rig));
	assert_int_equal(count_started(), PHONE_RUNNING_MAX + 1);
	/* One that leaves while it waits is not asked. */
	phone_forget(rig->phone, udid(PHONE_RUNNING_MAX + 1));
	for (size_t i = 0; i <= PHONE_RUNNING_MAX; i++)
		phone_forget(rig->phone, udid(i));
	assert_true(wait_until(rig->loop, nothing_is_left, rig));
	assert_int_equal(count_started(), PHONE_RUNNING_MAX + 1);
}

static void a_phone_is_asked_one_question_at_a_time(void **state)
{
	struct rig *rig = *state;

	begin(rig, HANGS, LONG_US);
	ask(rig, 1);
	rig->want = 1;
	assert_true(wait_until(rig->loop, have_started, rig));
	/* It left and came back while its question is being killed. */
	phone_forget(rig->phone, udid(1));
	ask(rig, 1);
	rig->want = 2;
	assert_true(wait_until(rig->loop, have_started, rig));
	phone_forget(rig->phone, udid(1));
	assert_true(wait_until(rig->loop, nothing_is_left, rig));
	assert_int_equal(count_started(), 2);
}

static void a_question_ends_at_its_deadline(void **state)
{
	struct rig *rig = *state;

	begin(rig, HANGS, SHORT_US);
	for (size_t i = 0; i < 2 * PHONE_RUNNING_MAX; i++)
		ask(rig, i);
	rig->want = 2 * PHONE_RUNNING_MAX;
	assert_true(wait_until(rig->loop, have_started, rig));
	assert_true(wait_until(rig->loop, nothing_is_left, rig));
	/* No answer, and no reason to think that phones cannot be asked. */
	assert_int_equal(rig->events.count, 1);
}

static void a_missing_program_is_reported_until_it_is_there(void **state)
{
	struct rig *rig = *state;

	begin(rig, NULL, LONG_US);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, -ENOENT);
	ask(rig, 1);
	ask(rig, 2);
	assert_int_equal(rig->events.count, 1);
	assert_true(nothing_is_left(rig));
	write_program(ANSWERS);
	ask(rig, 3);
	rig->want = 1;
	assert_true(wait_until(rig->loop, have_answered, rig));
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 1)->code, 0);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(answers_are_reported),
		RIG_TEST(few_are_asked_at_once),
		RIG_TEST(a_phone_is_asked_one_question_at_a_time),
		RIG_TEST(a_question_ends_at_its_deadline),
		RIG_TEST(a_missing_program_is_reported_until_it_is_there),
	};
	int r;

	assert(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/program", folder);
	snprintf(started, sizeof(started), "%s/started", folder);
	log_set_level(LOG_LEVEL_ERROR);
	r = cmocka_run_group_tests_name("phone", tests, NULL, NULL);
	unlink(program);
	unlink(started);
	rmdir(folder);
	return r;
}
