/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cases that are wrong, odd or huge: a sensible verdict or a clear refusal, never certainty. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/casefile/casefile.h"
#include "common/diagnosis/verdict.h"
#include "common/model/factor.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define HEAD "{\"format\":\"idevicetriage-case\",\"version\":1,"
#define WORDS 100000
#define ATTEMPTS_MAX 10000 /* read.c */

static struct verdict verdict, other;

static void diagnose_text(const char *text, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "";

	assert_int_equal(casefile_parse(text, strlen(text), &c, message), 0);
	assert_int_equal(diagnose(c, ret), 0);
}

static void assert_not_certain(void)
{
	assert_true(verdict.phase == PHASE_UNDECIDED || verdict.phase == PHASE_NONE ||
		    verdict.strength < STRENGTH_STRONG);
}

static bool has_rule(const char *rule)
{
	for (size_t i = 0; i < verdict.cause_count; i++)
		for (size_t j = 0; j < verdict.causes[i].evidence_count; j++)
			if (strcmp(verdict.causes[i].evidence[j].rule, rule) == 0)
				return true;
	return false;
}

/* It worked with the flex out, and it failed with the flex out. */
static void contradicting_trials_are_not_certain(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");

	add_4013(c, "one", "A");
	set_flex(add_success(c, "one", "A"), "disconnected");
	set_flex(add_4013(c, "one", "A"), "disconnected");
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_not_certain();
	set_flex(add_4013(c, "one", "A"), "connected");
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_not_certain();
}

/* It worked and it failed with each of two cables: neither is the cause. */
static void cables_that_work_and_fail_are_not_certain(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");

	for (int i = 0; i < 4; i++) {
		add_4013(c, "one", i % 2 ? "A" : "B");
		add_success(c, "one", i % 2 ? "A" : "B");
	}
	assert_int_equal(diagnose(c, &verdict), 0);
	assert_not_certain();
}

/* One key told twice, a flex that is in and out, words that nobody knows. */
static void contradicting_conditions_are_not_certain(void **state)
{
	diagnose_text(HEAD
		"\"device\":{\"productType\":\"iPhone99,9\",\"model\":\"d10ap\"},"
		"\"history\":[\"liquid\",\"never-liquid\",\"liquid\"],\"attempts\":["
		"{\"host\":\"a\",\"outcome\":\"failed\",\"error\":{\"domain\":\"itunes\",\"code\":"
		"4013},"
		"\"conditions\":{\"earpieceFlex\":\"connected\",\"earpieceFlex\":\"disconnected\","
		"\"cable\":\"A\",\"cable\":\"B\",\"minimalBoot\":\"perhaps\",\"hubDepth\":-3,"
		"\"display\":\"both\",\"battery\":\"known-good\",\"battery\":\"disconnected\"}},"
		"{\"host\":\"a\",\"outcome\":\"melted\",\"action\":\"bake\",\"entry\":\"side\"}]}",
		&verdict);
	assert_not_certain();
	assert_true(verdict.summary[0] != '\0');
}

#define FAILED_AT(time, cable)                                                                     \
	"{\"startedAt\":\"" time "\",\"host\":\"a\",\"outcome\":\"failed\",\"error\":"             \
	"{\"domain\":\"itunes\",\"code\":4013},\"conditions\":{\"cable\":\"" cable "\","           \
	"\"earpieceFlex\":\"connected\"}}"
#define WORKED_AT(time)                                                                            \
	"{\"startedAt\":\"" time "\",\"host\":\"a\",\"outcome\":\"succeeded\",\"conditions\":"     \
	"{\"cable\":\"A\",\"earpieceFlex\":\"disconnected\"}}"

/* Their times order attempts, not their places in the file; the future is only later. */
static void attempts_are_ordered_by_their_times(void **state)
{
	static const char *const orders[] = {
		HEAD "\"attempts\":[" FAILED_AT("2026-01-01T10:00:00Z", "A") "," WORKED_AT(
			"2026-01-02T10:00:00Z") "," FAILED_AT("2026-01-03T10:00:00Z", "A") "]}",
		HEAD "\"attempts\":[" FAILED_AT("2026-01-03T10:00:00Z", "A") "," FAILED_AT(
			"2026-01-01T10:00:00Z", "A") "," WORKED_AT("2026-01-02T10:00:00Z") "]}",
		HEAD "\"attempts\":[" WORKED_AT("9998-01-02T10:00:00Z") "," FAILED_AT(
			"9999-12-31T23:59:59Z", "A") "," FAILED_AT("2026-01-01T10:00:00Z",
			"A") "]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		diagnose_text(orders[i], &verdict);
		assert_int_equal(verdict.phase, PHASE_HARDWARE);
		assert_int_equal(verdict.strength, STRENGTH_CONCLUSIVE);
	}
	/* A time that nobody can read orders nothing; the file's order holds then. */
	diagnose_text(HEAD "\"attempts\":[" FAILED_AT("yesterday", "A") "," FAILED_AT("", "A") "]}",
		&verdict);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
}

static void no_attempts_is_no_failure(void **state)
{
	diagnose_text(HEAD "\"attempts\":[]}", &verdict);
	assert_int_equal(verdict.phase, PHASE_NONE);
	diagnose_text(HEAD "\"history\":[\"liquid\"]}", &verdict);
	assert_int_equal(verdict.phase, PHASE_NONE);
	assert_null(verdict.next.experiment);
}

/* A hundred thousand words of history take no room and no time, and what is known counts. */
static void words_without_end_are_bounded(void **state)
{
	CLEANUP(freep) char *text = malloc((size_t)WORDS * 16 + 1024);
	size_t used;

	assert_non_null(text);
	used = (size_t)sprintf(text, HEAD "\"attempts\":[{\"host\":\"a\",\"outcome\":\"failed\","
					  "\"conditions\":{\"cable\":\"A\"}}],\"history\":[");
	for (int i = 0; i < WORDS; i++)
		used += (size_t)sprintf(text + used, "\"word-%d\",", i);
	sprintf(text + used, "\"liquid\"]}");
	diagnose_text(text, &verdict);
	assert_int_equal(verdict.phase, PHASE_UNDECIDED);
	assert_true(has_rule("liquid-flex"));
}

/* Writes an attempt with a hundred thousand unknown conditions before its cable. */
static size_t write_crowded(char *text, const char *outcome, const char *cable)
{
	size_t used = (size_t)sprintf(text,
		"{\"host\":\"a\",\"outcome\":\"%s\",\"error\":{\"domain\":\"itunes\","
		"\"code\":4013},\"conditions\":{",
		outcome);

	for (int i = 0; i < WORDS; i++)
		used += (size_t)sprintf(text + used, "\"key-%d\":\"value\",", i);
	return used + (size_t)sprintf(text + used, "\"cable\":\"%s\"}}", cable);
}

/* Nor do they, and what is known counts: it failed and worked with different cables. */
static void conditions_without_end_are_bounded(void **state)
{
	CLEANUP(freep) char *text = malloc((size_t)WORDS * 48 + 1024);
	size_t used;

	assert_non_null(text);
	used = (size_t)sprintf(text, HEAD "\"attempts\":[");
	used += write_crowded(text + used, "failed", "A");
	used += (size_t)sprintf(text + used, ",");
	used += write_crowded(text + used, "succeeded", "B");
	sprintf(text + used, "]}");
	diagnose_text(text, &verdict);
	assert_not_certain();
	assert_int_equal(verdict.works_since.change_count, 1);
	assert_string_equal(verdict.causes[0].cause, "cable");
	assert_non_null(strstr(verdict.missing[0], "is not a known condition"));
}

/* Each factor of the table fits into one attempt. */
static void every_known_condition_fits(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct attempt *attempt = add_4013(c, "one", "A");
	size_t count;
	const struct factor *factors = factor_all(&count);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(attempt_set_condition(attempt, factors[i].key, "x", 0), 0);
}

static char *many_attempts(int count)
{
	static const char one[] = "{\"host\":\"a\",\"outcome\":\"failed\"},";
	char *text = malloc((size_t)count * sizeof(one) + 256);
	size_t used;

	assert_non_null(text);
	used = (size_t)sprintf(text, HEAD "\"attempts\":[");
	for (int i = 0; i < count; i++)
		used += (size_t)sprintf(text + used, "%s", one);
	sprintf(text + used - 1, "]}");
	return text;
}

static void too_many_attempts_are_refused(void **state)
{
	CLEANUP(freep) char *most = many_attempts(ATTEMPTS_MAX);
	CLEANUP(freep) char *more = many_attempts(ATTEMPTS_MAX + 1);
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "";

	diagnose_text(most, &verdict);
	assert_not_certain();
	assert_int_equal(casefile_parse(more, strlen(more), &c, message), -EBADMSG);
	assert_string_equal(message, "the case has too many attempts");
	assert_null(c);
}

/* Numbers at the ends of their types, and times that run backwards. */
static void wild_numbers_are_not_certain(void **state)
{
	static const char *const numbers[] = {
		"0", "-1", "2147483648", "9223372036854775807", "-9223372036854775808", "1e999"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const char *n = numbers[i];
		char text[2048];

		snprintf(text, sizeof(text),
			HEAD
			"\"attempts\":[{\"outcome\":\"failed\",\"error\":{\"domain\":\"amr\","
			"\"code\":%s},\"conditions\":{\"hubDepth\":%s},\"usb\":[{\"t\":%s,"
			"\"event\":\"add\",\"mode\":\"dfu\"},{\"t\":-5,\"event\":\"remove\"},"
			"{\"t\":%s,\"event\":\"add\",\"mode\":\"nothing\"}],\"kernel\":[{\"t\":%s,"
			"\"line\":\"usb 1-2: device descriptor read/64, error -71\"}]},"
			"{\"outcome\":\"failed\",\"observed\":{\"operation\":%s,\"status\":%s,"
			"\"itunesCode\":%s,\"usbErrors\":%s,\"signs\":[{\"sign\":\"x\","
			"\"code\":%s,\"count\":%s}]}}]}",
			n, n, n, n, n, n, n, n, n, n, n);
		diagnose_text(text, &verdict);
		diagnose_text(text, &other);
		assert_memory_equal(&verdict, &other, sizeof(verdict));
		assert_not_certain();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contradicting_trials_are_not_certain),
		cmocka_unit_test(cables_that_work_and_fail_are_not_certain),
		cmocka_unit_test(contradicting_conditions_are_not_certain),
		cmocka_unit_test(attempts_are_ordered_by_their_times),
		cmocka_unit_test(no_attempts_is_no_failure),
		cmocka_unit_test(words_without_end_are_bounded),
		cmocka_unit_test(conditions_without_end_are_bounded),
		cmocka_unit_test(every_known_condition_fits),
		cmocka_unit_test(too_many_attempts_are_refused),
		cmocka_unit_test(wild_numbers_are_not_certain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
