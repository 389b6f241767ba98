/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/casefile/casefile.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/diagnosis/verdict.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define HEAD "{\"format\":\"idevicetriage-case\",\"version\":1,"

static struct triage_case *parse(const char *text)
{
	struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "";

	assert_int_equal(casefile_parse(text, strlen(text), &c, message), 0);
	return c;
}

static void reads_what_is_told(void **state)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c = parse(
		HEAD "\"device\":{\"ecid\":\"0x000A1B2C3D4E5F60\",\"productType\":\"iPhone9,4\"},"
		     "\"history\":[\"liquid\",7],\"attempts\":[{\"host\":\"one\","
		     "\"startedAt\":\"2026-11-22T10:15:00.5Z\","
		     "\"tool\":\"idevicerestore 1.0.0 (patched)\",\"action\":\"erase\","
		     "\"entry\":\"dfu\",\"outcome\":\"failed\","
		     "\"operation\":\"Updating baseband (19)\","
		     "\"conditions\":{\"cable\":\"A\",\"hubDepth\":2,\"minimalBoot\":true,"
		     "\"port\":\"1-2.3\",\"firmware\":\"21F90\"},"
		     "\"error\":{\"domain\":\"itunes\",\"code\":4013}}]}");
	const struct attempt *attempt = c->attempts[0];

	assert_int_equal(c->identity.ecid, 0x000A1B2C3D4E5F60);
	assert_int_equal(c->history_count, 1);
	assert_int_equal(attempt->started.wall_us, UINT64_C(1795342500500000));
	assert_string_equal(attempt->tool, "idevicerestore");
	assert_string_equal(attempt->version, "1.0.0 (patched)");
	assert_int_equal(attempt->entry, MODE_DFU);
	assert_int_equal(attempt->outcome, OUTCOME_FAILED);
	assert_int_equal(attempt->operation, 19);
	assert_string_equal(attempt->operation_name, "Updating baseband");
	assert_string_equal(attempt_condition(attempt, "hubDepth"), "2");
	assert_string_equal(attempt_condition(attempt, "minimalBoot"), "true");
	assert_string_equal(attempt->port, "1-2.3");
	assert_int_equal(attempt->errors[0].code, 4013);
}

static void link_events_go_through_the_session(void **state)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c =
		parse(HEAD "\"attempts\":[{\"outcome\":\"failed\",\"usb\":["
			   "{\"t\":0,\"event\":\"add\",\"mode\":\"recovery\"},"
			   "{\"t\":7,\"event\":\"remove\"},"
			   "{\"t\":9,\"event\":\"add\",\"mode\":\"recovery\"},"
			   "{\"t\":40,\"event\":\"remove\"},"
			   "{\"t\":55,\"event\":\"add\",\"mode\":\"recovery\"}]}]}");

	assert_int_equal(c->attempts[0]->itunes_code, 4013);
	assert_int_equal(c->attempts[0]->came_back, MODE_RECOVERY);
}

static uint64_t sequence_of(const struct attempt *attempt, const char *key)
{
	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return attempt->conditions[i].sequence;
	return 0;
}

static void written_case_reads_back_to_the_same_verdict(void **state)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	CLEANUP(triage_case_freep) struct triage_case *again = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) struct verdict *verdicts = calloc(2, sizeof(*verdicts));
	struct attempt *attempt = add_4013(c, "one", "A");

	c->identity.ecid = 0x1234;
	attempt->health.usb_errors = 2;
	attempt->sign_count = 1;
	text_copy(attempt->signs[0].id, NAME_SIZE, "some-sign");
	attempt->signs[0].count = 3;
	attempt->signs[0].first_sequence = 41;
	attempt->signs[attempt->sign_count++] = (struct seen_sign){
		.id = "transfer-failed", .code = -71, .count = 2, .first_sequence = 38};
	attempt->end_sequence = 42;
	attempt->error_count = 1;
	attempt->errors[0] = (struct reported_error){"itunes", 4013, 43};
	attempt->id = (struct uuid){{1, 2, 3}};
	attempt->mode_count = 1;
	attempt->modes[0] = (struct seen_mode){.mode = MODE_DFU, .sequence = 40};
	attempt_set_condition(attempt, "battery", "known-good", 39);
	attempt->silent = true;
	attempt->overrun_count = 1;
	attempt->overruns[0] = (struct overrun){.wait = "asr",
		.step = "Restoring image",
		.seconds = 400,
		.allowed_seconds = 60,
		.transfers = SILENCE_TRANSFERS,
		.sequence = 37};
	add_4013(c, "two", "B");
	set_flex(add_success(c, "two", "B"), "disconnected");
	assert_int_equal(casefile_write(c, CASEFILE_MASK, &text), 0);
	assert_null(strstr(text, "1234"));
	again = parse(text);
	assert_int_equal(again->attempt_count, 3);
	assert_int_equal(again->attempts[0]->health.usb_errors, 2);
	assert_int_equal(attempt_sign(again->attempts[0], "some-sign")->first_sequence, 41);
	assert_non_null(attempt_usb_error(again->attempts[0], -71));
	assert_int_equal(attempt_usb_error(again->attempts[0], -71)->count, 2);
	assert_int_equal(attempt_usb_error(again->attempts[0], -71)->first_sequence, 38);
	assert_int_equal(again->attempts[0]->end_sequence, 42);
	assert_int_equal(again->attempts[0]->errors[0].sequence, 43);
	assert_true(uuid_equal(&again->attempts[0]->id, &attempt->id));
	assert_int_equal(again->attempts[0]->modes[0].mode, MODE_DFU);
	assert_int_equal(again->attempts[0]->modes[0].sequence, 40);
	assert_int_equal(sequence_of(again->attempts[0], "battery"), 39);
	assert_true(again->attempts[0]->silent);
	assert_memory_equal(
		again->attempts[0]->overruns, attempt->overruns, sizeof(attempt->overruns));
	assert_int_equal(diagnose(c, &verdicts[0]), 0);
	assert_int_equal(diagnose(again, &verdicts[1]), 0);
	assert_int_equal(verdicts[0].phase, verdicts[1].phase);
	assert_int_equal(verdicts[0].strength, verdicts[1].strength);
	assert_string_equal(verdicts[0].summary, verdicts[1].summary);
	assert_int_equal(verdicts[1].silence_count, 1);
	assert_string_equal(verdicts[0].silences[0].text, verdicts[1].silences[0].text);
	assert_int_equal(verdicts[0].cause_count, verdicts[1].cause_count);
}

/* The daemon answers with the object after it has freed the case. */
static void an_object_outlives_its_case(void **state)
{
	struct triage_case *c = parse(HEAD "\"attempts\":[{\"outcome\":\"failed\","
					   "\"conditions\":{\"cable\":\"A\"}}]}");
	struct json_object *object;
	const char *text;

	c->attempts[0]->conditions[0].sequence = 7;
	object = casefile_to_json(c, CASEFILE_REVEAL);
	memset(c->attempts[0]->conditions, 'x', sizeof(c->attempts[0]->conditions));
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	assert_non_null(strstr(text, "\"cable\":\"A\""));
	assert_non_null(strstr(text, "\"cable\":7"));
	json_object_put(object);
	triage_case_free(c);
}

static void refuses_what_is_no_case(void **state)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"format\":\"idevicetriage-case\"}",
		"{\"format\":\"idevicetriage-case\",\"version\":2}", HEAD "\"attempts\":[1]}",
		HEAD "\"attempts\":[", HEAD "\"history\":[\"\xff\"]}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct triage_case *c = NULL;
		char message[CASEFILE_MESSAGE_SIZE] = "";

		assert_int_equal(casefile_parse(texts[i], strlen(texts[i]), &c, message), -EBADMSG);
		assert_null(c);
		assert_string_not_equal(message, "");
	}
}

/* Sixty megabytes of nothing would be read into gigabytes; braces in a text are none. */
static void refuses_what_takes_too_much_memory(void **state)
{
	static const char head[] = HEAD "\"nothing\":[{}", tail[] = "]}", piece[] = ",{}";
	static const char text_head[] = HEAD "\"nothing\":\"\\\"", text_tail[] = "\"}";
	size_t bytes = 1500000 * strlen(piece);
	CLEANUP(freep) char *text = malloc(bytes + 1000);
	struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "", *end;

	assert_non_null(text);
	end = stpcpy(text, head);
	for (size_t i = 0; i < bytes; i += strlen(piece))
		end = stpcpy(end, piece);
	strcpy(end, tail);
	assert_int_equal(casefile_parse(text, strlen(text), &c, message), -EBADMSG);
	assert_string_equal(message, "the case has too many values");
	end = stpcpy(text, text_head);
	memset(end, '{', bytes);
	strcpy(end + bytes, text_tail);
	assert_int_equal(casefile_parse(text, strlen(text), &c, message), 0);
	triage_case_free(c);
}

static void wrong_types_are_passed_over(void **state)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c =
		parse(HEAD "\"device\":7,\"history\":{},\"attempts\":[{\"host\":[],\"log\":3,"
			   "\"usb\":{},\"kernel\":\"x\",\"conditions\":[],\"error\":[],"
			   "\"errors\":[1,{}],\"observed\":[],\"startedAt\":\"soon\"},"
			   "{\"usb\":[1,null,{\"t\":\"x\"},{\"t\":-5},{\"t\":1e300}],"
			   "\"observed\":{\"signs\":[1,{}],\"operation\":\"x\"}}]}");

	assert_int_equal(c->attempt_count, 2);
}

static void missing_file_is_told(void **state)
{
	struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "";

	assert_int_equal(casefile_read("/nonexistent/case.json", &c, message), -ENOENT);
	assert_string_not_equal(message, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_told),
		cmocka_unit_test(link_events_go_through_the_session),
		cmocka_unit_test(written_case_reads_back_to_the_same_verdict),
		cmocka_unit_test(an_object_outlives_its_case),
		cmocka_unit_test(refuses_what_is_no_case),
		cmocka_unit_test(refuses_what_takes_too_much_memory),
		cmocka_unit_test(wrong_types_are_passed_over),
		cmocka_unit_test(missing_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
