/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs of several restores: where one ends and the next begins, and what is told of each. */
#include "common/logs/logsplit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "tests/unit/test.h"

#define ATTEMPTS_MAX 8

struct told {
	struct attempt attempt;
	struct identity identity;
	struct uuid lines_seen;
	uint64_t lines, records;
	uint64_t silences;
};

static struct told told[ATTEMPTS_MAX];
static size_t told_count;
static uint64_t record_count, silences;

static void take_record(void *user, const struct event *event)
{
	assert_int_equal(event->sequence, ++record_count);
	silences += event->kind == EVENT_SILENCE;
}

static void take_attempt(void *user, const struct logsplit_attempt *attempt)
{
	struct told *next = &told[told_count++];

	assert_true(told_count <= ATTEMPTS_MAX);
	assert_int_equal(attempt->records, record_count);
	*next = (struct told){.attempt = *attempt->attempt,
		.identity = *attempt->identity,
		.lines_seen = fingerprint_uuid(&attempt->lines_seen),
		.lines = attempt->lines,
		.records = attempt->records,
		.silences = silences};
	record_count = silences = 0;
}

static void split_pieces(const char *text, size_t piece)
{
	static const struct logsplit_taker taker = {take_record, take_attempt};
	CLEANUP(logsplit_freep) struct logsplit *split = logsplit_new(&taker, NULL);
	size_t length = strlen(text);

	assert_non_null(split);
	told_count = 0;
	record_count = silences = 0;
	memset(told, 0, sizeof(told));
	for (size_t at = 0; at < length; at += piece)
		logsplit_feed(split, text + at, length - at < piece ? length - at : piece);
	logsplit_finish(split);
	assert_int_equal(record_count, 0);
}

static void split_text(const char *text)
{
	split_pieces(text, 4096);
}

#define START "Found device in Recovery mode\nECID: 7923567158\n"
#define TO_RESTORE                                                                                 \
	"Identified device as d421ap, iPhone12,3\n"                                                \
	"Sending iBEC (656950 bytes)...\n"                                                         \
	"About to restore device... \nConnected to com.apple.mobile.restored, version 15\n"
#define FAIL                                                                                       \
	"Waiting for NAND (28)\nERROR: Unable to successfully restore device\n"                    \
	"ERROR: Unable to restore device\n"

static void runs_without_a_banner_are_told_apart(void **state)
{
	split_text(START TO_RESTORE FAIL START TO_RESTORE
		"Creating filesystem (12)\nGot status message\nStatus: Restore Finished\nDONE\n");
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].attempt.outcome, OUTCOME_FAILED);
	assert_int_equal(told[0].attempt.operation, 28);
	assert_int_equal(told[0].attempt.entry, MODE_RECOVERY);
	assert_int_equal(told[0].identity.ecid, 7923567158);
	assert_string_equal(told[0].identity.product, "iPhone12,3");
	assert_string_equal(told[0].identity.board, "d421ap");
	assert_int_equal(told[1].attempt.outcome, OUTCOME_SUCCEEDED);
	assert_int_equal(told[1].attempt.operation, 12);
	assert_int_equal(told[0].lines + told[1].lines, 9 + 10);
}

static void a_banner_begins_an_attempt(void **state)
{
	static const char banner[] = "idevicerestore 1.0.0-271-g45145e9 (libirecovery 1.3.1)\n";
	char text[4096];

	/* The second run never got as far as a mode; the first was interrupted. */
	snprintf(text, sizeof(text), "%s%s%s%s%s", banner, START "Sending iBEC (1 bytes)...\n",
		banner, "ERROR: Unable to discover device mode. Please make sure\n", banner);
	split_text(text);
	assert_int_equal(told_count, 3);
	assert_int_equal(told[0].attempt.stage, STAGE_NONE);
	assert_int_equal(told[0].attempt.entry, MODE_RECOVERY);
	assert_int_equal(told[1].attempt.outcome, OUTCOME_NOT_STARTED);
	assert_string_equal(told[1].attempt.version, "1.0.0-271-g45145e9");
	assert_int_equal(told[2].lines, 1);
}

static void fragments_are_told_apart_by_what_they_send(void **state)
{
	split_text("Sending iBSS (1 bytes)...\nSending iBEC (1 bytes)...\n" TO_RESTORE
		   "Creating filesystem (12)\nSending iBSS (1 bytes)...\n");
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].attempt.operation, 12);
	assert_int_equal(told[1].attempt.stage, STAGE_DFU);
}

static void one_restore_is_one_attempt(void **state)
{
	split_text(START "Sending iBSS (1 bytes)...\n" TO_RESTORE FAIL
			 "Checkpoint FAILURE id: 0x648 result=0: [0]D(failed)\n"
			 "Cleaning up...\nRESTORE FAILED\n");
	assert_int_equal(told_count, 1);
	assert_string_equal(told[0].attempt.failure_text, "[0]D(failed)");
	split_text("");
	assert_int_equal(told_count, 0);
	split_text("\n\r\n\n");
	assert_int_equal(told_count, 0);
}

static void the_end_says_where_the_phone_came_back(void **state)
{
#define EVENT_LINE(seconds, what)                                                                  \
	"10:00:" seconds ".000 <Debug> irecv_event_cb: device 00000001d8480a36 (udid: N/A) " what  \
	"\n"
	split_text("10:00:01.000 <Info> Found device in Recovery mode\n" EVENT_LINE(
		"02", "connected in Recovery mode") EVENT_LINE("03",
		"disconnected") "10:00:04.000 <Info> Waiting for device to enter restore "
				"mode...\n" EVENT_LINE("20",
					"connected in Recovery mode") "10:00:21.000 <Error> Device "
								      "failed to enter restore "
								      "mode.\n");
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].attempt.outcome, OUTCOME_FAILED);
	assert_int_equal(told[0].attempt.came_back, MODE_RECOVERY);
	assert_int_equal(told[0].attempt.itunes_code, 4013);
	assert_int_equal(told[0].attempt.ended.monotonic_us - told[0].attempt.started.monotonic_us,
		20 * USEC_PER_SEC);
	assert_int_equal(told[0].attempt.health.silences, 0);
}

static void what_comes_after_the_end_is_of_the_next(void **state)
{
	split_text(START TO_RESTORE FAIL
		"irecv_event_cb: device 00000001d8480a36 (udid: N/A) connected in DFU mode\n"
		"Found device in DFU mode\n");
	assert_int_equal(told_count, 2);
	assert_int_equal(told[1].attempt.entry, MODE_DFU);
	/* Nothing had told of a mode before: it is where it came back. */
	assert_int_equal(told[0].attempt.came_back, MODE_DFU);
	split_text("irecv_event_cb: device 1d8480a36 (udid: N/A) connected in Recovery mode\n" START
		   "ERROR: Unable to place device into restore mode\n"
		   "irecv_event_cb: device 1d8480a36 (udid: N/A) connected in DFU mode\n");
	assert_int_equal(told_count, 1);
	/* It never left recovery mode, and DFU mode came later. */
	assert_int_equal(told[0].attempt.came_back, MODE_UNKNOWN);
	assert_int_equal(told[0].attempt.itunes_code, 0);
}

static void another_phone_is_left_out(void **state)
{
	split_text(START "irecv_event_cb: device aaaaaaaaaaaa (udid: N/A) connected in DFU mode\n");
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].identity.ecid, 7923567158);
	assert_int_equal(told[0].attempt.mode_count, 0);
}

static void a_wait_that_ran_over_is_a_silence(void **state)
{
	split_text("23:58:00.000 <Info> Found device in Recovery mode\n"
		   "23:58:01.000 <Info> Waiting for device to enter restore mode...\n"
		   "00:03:30.000 <Error> Device failed to enter restore mode.\n");
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].silences, 1);
	assert_int_equal(told[0].attempt.health.silences, 1);
	assert_int_equal(told[0].attempt.outcome, OUTCOME_FAILED);
}

static void the_same_lines_are_known_again(void **state)
{
	struct uuid first;

	split_text(START TO_RESTORE FAIL);
	first = told[0].lines_seen;
	split_pieces(START TO_RESTORE FAIL, 1);
	assert_true(uuid_equal(&first, &told[0].lines_seen));
	split_text(START TO_RESTORE FAIL START TO_RESTORE FAIL);
	assert_int_equal(told_count, 2);
	assert_true(uuid_equal(&first, &told[0].lines_seen));
	assert_true(uuid_equal(&first, &told[1].lines_seen));
	split_text(START TO_RESTORE FAIL "x\n");
	assert_false(uuid_equal(&first, &told[0].lines_seen));
}

static struct uuid fingerprint_of(const char *a, const char *b)
{
	struct fingerprint fingerprint = {0};

	fingerprint_add(&fingerprint, a, strlen(a));
	fingerprint_add(&fingerprint, b, strlen(b));
	return fingerprint_uuid(&fingerprint);
}

static void fingerprints_differ_and_are_uuids(void **state)
{
	struct uuid ids[2000];
	size_t count = 0;
	char text[UUID_TEXT_SIZE];

	ids[count++] = fingerprint_of("", "");
	ids[count++] = fingerprint_of("ab", "c");
	ids[count++] = fingerprint_of("a", "bc");
	ids[count++] = fingerprint_of("abc", "");
	for (; count < ARRAY_SIZE(ids); count++) {
		char line[40];

		snprintf(line, sizeof(line), "line %zu of a log", count);
		ids[count] = fingerprint_of(line, count % 2 ? "x" : "");
	}
	for (size_t i = 0; i < count; i++) {
		uuid_format(&ids[i], text);
		assert_true(text[14] == '8' && strchr("89ab", text[19]));
		for (size_t j = 0; j < i; j++)
			assert_false(uuid_equal(&ids[i], &ids[j]));
	}
	/* It is the same for ever: identifiers in casebooks come from it. */
	ids[0] = fingerprint_of("Found device in DFU mode", "ERROR: Unable to restore device");
	uuid_format(&ids[0], text);
	assert_string_equal(text, "f19833b4-7ab8-86f6-9545-792f5e0b2bf5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_without_a_banner_are_told_apart),
		cmocka_unit_test(a_banner_begins_an_attempt),
		cmocka_unit_test(fragments_are_told_apart_by_what_they_send),
		cmocka_unit_test(one_restore_is_one_attempt),
		cmocka_unit_test(the_end_says_where_the_phone_came_back),
		cmocka_unit_test(what_comes_after_the_end_is_of_the_next),
		cmocka_unit_test(another_phone_is_left_out),
		cmocka_unit_test(a_wait_that_ran_over_is_a_silence),
		cmocka_unit_test(the_same_lines_are_known_again),
		cmocka_unit_test(fingerprints_differ_and_are_uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
