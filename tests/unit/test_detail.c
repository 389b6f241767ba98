/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people report of an attempt, and its corrections. */
#include "common/model/detail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/verdict.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

static struct attempt attempt;
static struct identity identity;

static int begin(void **state)
{
	attempt_init(&attempt);
	attempt.ended_seen = true;
	attempt.outcome = OUTCOME_FAILED;
	identity = (struct identity){0};
	return 0;
}

static void set(const char *key, const char *text)
{
	char now[DETAIL_SIZE];

	assert_int_equal(detail_set(&attempt, &identity, key, text, 7), 0);
	detail_get(&attempt, &identity, key, now);
	assert_string_equal(now, text);
}

static void amend(const char *key, const char *before, const char *after, uint64_t second)
{
	struct event event = {.kind = EVENT_AMENDMENT, .source = SOURCE_PERSON, .by = "anna"};

	event.at.wall_us = second * USEC_PER_SEC;
	event.sequence = second;
	text_copy(event.name, sizeof(event.name), key);
	text_copy(event.before, sizeof(event.before), before);
	event_set_text(&event, after);
	attempt_fold(&attempt, &event);
	identity_fold(&identity, &event);
}

/* Each detail is read back as it was set, and taken back; some always have a value. */
static void details_are_set_and_taken_back(void **state)
{
	static const struct {
		const char *key, *text, *none;
	} details[] = {
		{"outcome", "succeeded", "ended-unknown"},
		{"outcome", "withdrawn", "ended-unknown"},
		{"tool", "idevicerestore 1.0.1-8 (patched)", ""},
		{"tool", "finder", ""},
		{"host", "counter Mac", ""},
		{"hostOs", "macos", ""},
		{"action", "erase", ""},
		{"entry", "dfu", ""},
		{"firmware", "17.5", ""},
		{"port", "left", ""},
		{"ticket", "T-9", ""},
		{"stage", "restore", ""},
		{"operation", "28", ""},
		{"error", "4013 amr:11 restored:-7", ""},
		{"cable", "L07", ""},
		{"anyOtherKey", "any text", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		char now[DETAIL_SIZE];

		set(details[i].key, details[i].text);
		assert_int_equal(detail_set(&attempt, &identity, details[i].key, "", 0), 0);
		detail_get(&attempt, &identity, details[i].key, now);
		assert_string_equal(now, details[i].none);
	}
	set("model", "iPhone12,3");
	set("started", "1795853984949677");
	assert_int_equal(attempt.condition_count, 0);
}

static void what_a_key_does_not_take_changes_nothing(void **state)
{
	static const char *const bad[][2] = {{"outcome", "dunno"}, {"outcome", "lost"},
		{"hostOs", "amiga"}, {"action", "format"}, {"entry", "gone"}, {"stage", "moon"},
		{"operation", "9999"}, {"operation", "-1"}, {"error", "x"}, {"error", "mars:1"},
		{"error", "1 2 3 4 5"}, {"started", "soon"}, {"started", ""}, {"model", ""},
		{"cable", "0123456789012345678901234567890123456789012345678901234567890123"},
		{"port", "012345678901234567890123456789012"},
		{"aKeyThatIsLongerThanAnyConditionMayBe", "x"}};
	struct attempt before;

	set("tool", "finder 14.5");
	before = attempt;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(detail_set(&attempt, &identity, bad[i][0], bad[i][1], 0), -EINVAL);
		assert_false(detail_takes(bad[i][0], bad[i][1]));
		assert_memory_equal(&attempt, &before, sizeof(attempt));
	}
}

static void conditions_have_a_limit(void **state)
{
	char key[CONDITION_KEY_SIZE];

	for (int i = 0; i < ATTEMPT_CONDITIONS_MAX; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		set(key, "value");
	}
	assert_int_equal(detail_set(&attempt, NULL, "oneMore", "value", 0), -ENOSPC);
	set("key0", "other");
	assert_int_equal(detail_set(&attempt, NULL, "key0", "", 0), 0);
	set("oneMore", "value");
}

/* A build that the attempt had before would hide the correction of the version. */
static void another_version_is_another_firmware(void **state)
{
	text_copy(attempt.firmware_build, sizeof(attempt.firmware_build), "21F79");
	attempt_set_condition(&attempt, "firmware", "21F79", 0);
	set("firmware", "17.4");
	assert_string_equal(attempt.firmware_build, "");
	assert_null(attempt_condition(&attempt, "firmware"));
}

static void an_amendment_is_folded_and_kept(void **state)
{
	attempt_set_condition(&attempt, "cable", "A", 1);
	amend("cable", "A", "B", 5);
	amend("cable", "B", "", 6);
	amend("outcome", "failed", "succeeded", 7);
	amend("model", "iPhone12,3", "iPhone11,2", 8);
	assert_null(attempt_condition(&attempt, "cable"));
	assert_int_equal(attempt.outcome, OUTCOME_SUCCEEDED);
	assert_string_equal(identity.product, "iPhone11,2");
	assert_int_equal(attempt.amendment_count, 4);
	assert_string_equal(attempt.amendments[1].before, "B");
	assert_string_equal(attempt.amendments[1].after, "");
	assert_string_equal(attempt.amendments[2].by, "anna");
	assert_int_equal(attempt.amendments[2].at_us, 7 * USEC_PER_SEC);
	assert_int_equal(attempt.amendments[2].sequence, 7);
	/* The same one from a case file's records; one that cannot be. */
	amend("outcome", "failed", "succeeded", 7);
	amend("outcome", "succeeded", "dunno", 9);
	assert_int_equal(attempt.amendment_count, 4);
	assert_int_equal(attempt.outcome, OUTCOME_SUCCEEDED);
}

/* The newest are kept, and all of them hold. */
static void amendments_beyond_the_limit_hold(void **state)
{
	amend("host", "", "first", 1);
	for (uint64_t i = 2; i < 2 + ATTEMPT_AMENDMENTS_MAX; i++)
		amend("cable", "x", "y", i);
	assert_string_equal(attempt.host, "first");
	assert_int_equal(attempt.amendment_count, ATTEMPT_AMENDMENTS_MAX);
	assert_int_equal(attempt.amendments[0].at_us, 2 * USEC_PER_SEC);
}

/* The phone may come back after the end, and the tool of a lost phone may end late. */
static void what_a_person_said_of_the_end_holds(void **state)
{
	struct event end = {.kind = EVENT_SESSION_END, .number = OUTCOME_FAILED};
	struct event outcome = {.kind = EVENT_OUTCOME, .number = OUTCOME_FAILED};

	amend("outcome", "failed", "not-started", 5);
	attempt_fold(&attempt, &end);
	attempt_fold(&attempt, &outcome);
	assert_int_equal(attempt.outcome, OUTCOME_NOT_STARTED);
}

/* Two failures on two computers and two cables; one of them was of another phone. */
static void the_verdict_is_made_from_the_corrected_attempts(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct verdict verdict;

	add_4013(c, "one", "A");
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_non_null(strstr(verdict.summary, "1 failed"));
	add_4013(c, "two", "B")->outcome = OUTCOME_WITHDRAWN;
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_non_null(strstr(verdict.summary, "1 failed"));
	c->attempts[0]->outcome = OUTCOME_WITHDRAWN;
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_non_null(strstr(verdict.summary, "taken back"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(details_are_set_and_taken_back, begin),
		cmocka_unit_test_setup(what_a_key_does_not_take_changes_nothing, begin),
		cmocka_unit_test_setup(conditions_have_a_limit, begin),
		cmocka_unit_test_setup(another_version_is_another_firmware, begin),
		cmocka_unit_test_setup(an_amendment_is_folded_and_kept, begin),
		cmocka_unit_test_setup(amendments_beyond_the_limit_hold, begin),
		cmocka_unit_test_setup(what_a_person_said_of_the_end_holds, begin),
		cmocka_unit_test_setup(the_verdict_is_made_from_the_corrected_attempts, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
