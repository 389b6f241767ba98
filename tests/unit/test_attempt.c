/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/attempt.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/verdict.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

static struct attempt attempt;
static uint64_t sequence;
static struct verdict verdict;

static int begin(void **state)
{
	attempt_init(&attempt);
	sequence = 0;
	return 0;
}

static struct event event_at(double seconds, enum event_kind kind, enum event_source source)
{
	struct event event = {.kind = kind, .source = source, .sequence = ++sequence};

	event.at.monotonic_us = (uint64_t)(seconds * (double)USEC_PER_SEC);
	return event;
}

static void usb_error(double seconds, const char *sign, int code)
{
	struct event event = event_at(seconds, EVENT_USB_ERROR, SOURCE_KERNEL);

	event.code = code;
	text_copy(event.name, sizeof(event.name), sign);
	attempt_fold(&attempt, &event);
}

static void link_event(double seconds, enum event_kind kind)
{
	struct event event = event_at(seconds, kind, SOURCE_USB);

	event.mode = MODE_RECOVERY;
	attempt_fold(&attempt, &event);
}

static void tool_event(double seconds, const char *name, const char *version)
{
	struct event event = event_at(seconds, EVENT_TOOL_VERSION, SOURCE_TOOL);

	text_copy(event.name, sizeof(event.name), name);
	event_set_text(&event, version);
	attempt_fold(&attempt, &event);
}

/* The end by the wall clock: as long after the begin as the restore lasted, if the clock leapt. */
static uint64_t ended_after(int64_t leap_seconds)
{
	struct event event = event_at(1000, EVENT_SESSION_BEGIN, SOURCE_DAEMON);

	begin(NULL);
	event.at.wall_us = 2000000000 * USEC_PER_SEC;
	attempt_fold(&attempt, &event);
	event = event_at(1600, EVENT_SESSION_END, SOURCE_DAEMON);
	event.at.wall_us = (uint64_t)(2000000600 + leap_seconds) * USEC_PER_SEC;
	attempt_fold(&attempt, &event);
	return (attempt.ended.wall_us - attempt.started.wall_us) / USEC_PER_SEC;
}

static void a_leap_of_the_clock_is_no_duration(void **state)
{
	assert_int_equal(ended_after(0), 600);
	assert_int_equal(ended_after(365 * 86400), 600);
	assert_int_equal(ended_after(-365 * 86400), 600);
	assert_int_equal(ended_after(-60), 600);
	/* It was suspended. */
	assert_int_equal(ended_after(3600), 4200);
}

/* The tool's log names the version that `run` knows with its package. */
static void package_of_the_tool_is_kept(void **state)
{
	static const char full[] = "1.0.1 (package 1.0.0+git20240709-1)";

	tool_event(1, "idevicerestore", full);
	tool_event(2, "idevicerestore", "1.0.1");
	assert_string_equal(attempt.version, full);
	tool_event(3, "idevicerestore", "1.0.0");
	assert_string_equal(attempt.version, "1.0.0");
	tool_event(4, "idevicerestore", full);
	tool_event(5, "futurerestore", "1.0.1");
	assert_string_equal(attempt.version, "1.0.1");
}

static void usb_errors_are_kept_by_sign_and_number(void **state)
{
	link_event(1, EVENT_ATTACH);
	usb_error(5, "descriptor-read", -71);
	usb_error(10, "descriptor-read", -110);
	usb_error(15, "descriptor-read", -71);
	usb_error(20, "over-current", 0);
	assert_int_equal(attempt.health.usb_errors, 4);
	assert_int_equal(attempt.sign_count, 3);
	assert_int_equal(attempt_usb_error(&attempt, -71)->count, 2);
	assert_int_equal(attempt_usb_error(&attempt, -71)->first_sequence, 2);
	assert_int_equal(attempt_usb_error(&attempt, -110)->first_sequence, 3);
	assert_null(attempt_usb_error(&attempt, -84));
	assert_null(attempt_usb_error(&attempt, 0));
	assert_non_null(attempt_sign(&attempt, "over-current"));
}

/* The second before a disconnect makes errors of its own: their signs go with them. */
static void masked_errors_leave_no_sign(void **state)
{
	link_event(1, EVENT_ATTACH);
	usb_error(5, "descriptor-read", -71);
	usb_error(9.5, "descriptor-read", -71);
	usb_error(9.8, "transfer-failed", -84);
	link_event(10, EVENT_DETACH);
	assert_int_equal(attempt.health.usb_errors, 1);
	assert_int_equal(attempt.health.usb_errors_masked, 2);
	assert_int_equal(attempt.sign_count, 1);
	assert_int_equal(attempt_usb_error(&attempt, -71)->count, 1);
	assert_null(attempt_sign(&attempt, "transfer-failed"));
	/* The journal may be slower than USB. */
	usb_error(9.9, "transfer-failed", -84);
	assert_null(attempt_sign(&attempt, "transfer-failed"));
	/* What came long before a disconnect stays. */
	usb_error(20, "transfer-failed", -84);
	link_event(30, EVENT_ATTACH);
	link_event(31, EVENT_DETACH);
	assert_non_null(attempt_sign(&attempt, "transfer-failed"));
}

static const struct finding *find_rule(const char *rule)
{
	for (size_t i = 0; i < verdict.cause_count; i++)
		for (size_t j = 0; j < verdict.causes[i].evidence_count; j++)
			if (strcmp(verdict.causes[i].evidence[j].rule, rule) == 0)
				return &verdict.causes[i].evidence[j];
	return NULL;
}

static void diagnose_with(const char *sign, int code)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct attempt *failed;

	begin(NULL);
	sequence = 40;
	usb_error(5, sign, code);
	failed = add_4013(c, "one", "A");
	memcpy(failed->signs, attempt.signs, sizeof(failed->signs));
	failed->sign_count = attempt.sign_count;
	failed->health = attempt.health;
	assert_int_equal(diagnose(c, &verdict), 0);
}

/* Damaged answers are the wire's; answers that are only late may be the phone's. */
static void error_numbers_are_weighed_apart(void **state)
{
	diagnose_with("transfer-failed", -71);
	assert_non_null(find_rule("wire-errors"));
	assert_int_equal(find_rule("wire-errors")->record_count, 1);
	assert_int_equal(find_rule("wire-errors")->records[0], 41);
	assert_null(find_rule("silent-on-the-wire"));
	diagnose_with("transfer-failed", -110);
	assert_null(find_rule("wire-errors"));
	assert_non_null(find_rule("silent-on-the-wire"));
	diagnose_with("over-current", 0);
	assert_non_null(find_rule("port-errors"));
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leap_of_the_clock_is_no_duration),
		cmocka_unit_test_setup(package_of_the_tool_is_kept, begin),
		cmocka_unit_test_setup(usb_errors_are_kept_by_sign_and_number, begin),
		cmocka_unit_test_setup(masked_errors_leave_no_sign, begin),
		cmocka_unit_test_setup(error_numbers_are_weighed_apart, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
