/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON, messages and the shapes of records. */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/wire/records.h"
#include "common/wire/varlink.h"

static int read_text(const char *text, struct json_object **ret)
{
	return json_read(text, strlen(text), ret);
}

static void json_read_takes_one_object(void **state)
{
	static const char *const bad[] = {"", " ", "1", "[]", "null", "{} {}", "{}x", "{",
		"{'a':1}", "{\"a\":1,}", "{\"a\":NaN}", "{\"a\":-Infinity}", "{1e1:2}",
		"{\"b\":1,1e1:2}", "{\"a\":True}", "{\"a", "{\"a\":01}", "{\"a\":\"\xff\"}",
		"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc0\xaf\"}"};
	struct json_object *object = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(read_text(bad[i], &object), -EBADMSG);
		assert_null(object);
	}
	assert_int_equal(read_text(" {\"a\":\"\xc3\xa4\"} \n", &object), 0);
	json_object_put(object);
	assert_int_equal(
		read_text("{\"a\\\"b\" : [ true,false , null,-1.5E+3, {}, {\"c\":[]} ] }", &object),
		0);
	json_object_put(object);
}

static void json_freeze_keeps_the_text(void **state)
{
	struct json_builder builder = {0};
	struct json_object *list = json_new_array(&builder), *frozen;
	size_t length;

	json_add_text(&builder, list, "a/\xc3\xa4\"");
	frozen = json_freeze(&builder, list);
	for (int i = 0; i < 2; i++) {
		struct json_object *answer = json_new_object(&builder);

		json_put(&builder, answer, "list", json_object_get(frozen));
		assert_string_equal(json_write(answer, &length), "{\"list\":[\"a/\xc3\xa4\\\"\"]}");
		json_object_put(answer);
	}
	json_object_put(frozen);
	assert_false(builder.failed);
	assert_null(json_freeze(&builder, NULL));
	assert_true(builder.failed);
}

/* An object in `levels - 1` arrays. */
static int read_nested(unsigned levels)
{
	char text[200] = "{\"a\":";
	struct json_object *object;
	int r;

	for (unsigned i = 1; i < levels; i++)
		strcat(text, "[");
	strcat(text, "1");
	for (unsigned i = 1; i < levels; i++)
		strcat(text, "]");
	strcat(text, "}");
	r = read_text(text, &object);
	if (r >= 0)
		json_object_put(object);
	return r;
}

static void json_read_limits_depth(void **state)
{
	assert_int_equal(read_nested(JSON_DEPTH_MAX - 1), 0);
	assert_int_equal(read_nested(JSON_DEPTH_MAX + 1), -EBADMSG);
}

static void getters_tell_absent_from_wrong(void **state)
{
	struct json_object *object, *child = NULL;
	const char *text = "before", *bytes;
	int64_t number = 7;
	bool flag = true;
	size_t length;

	assert_int_equal(read_text("{\"t\":\"x\",\"n\":-5,\"b\":false,\"z\":null,\"a\":[],\"o\":{},"
				   "\"nul\":\"a\\u0000b\",\"big\":1e3}",
				 &object),
		0);
	assert_int_equal(json_get_text(object, "absent", &text), 0);
	assert_int_equal(json_get_text(object, "z", &text), 0);
	assert_int_equal(json_get_text(object, "n", &text), -EINVAL);
	assert_int_equal(json_get_text(object, "nul", &text), -EINVAL);
	assert_string_equal(text, "before");
	assert_int_equal(json_get_text(object, "t", &text), 1);
	assert_string_equal(text, "x");
	assert_int_equal(json_get_bytes(object, "nul", &bytes, &length), 1);
	assert_int_equal(length, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	assert_int_equal(json_get_number(object, "t", &number), -EINVAL);
	assert_int_equal(json_get_number(object, "big", &number), -EINVAL);
	assert_int_equal(number, 7);
	assert_int_equal(json_get_number(object, "n", &number), 1);
	assert_int_equal(number, -5);
	assert_int_equal(json_get_bool(object, "n", &flag), -EINVAL);
	assert_int_equal(json_get_bool(object, "b", &flag), 1);
	assert_false(flag);
	assert_int_equal(json_get_array(object, "o", &child), -EINVAL);
	assert_int_equal(json_get_array(object, "a", &child), 1);
	assert_int_equal(json_get_object(object, "a", &child), -EINVAL);
	assert_int_equal(json_get_object(object, "o", &child), 1);
	assert_int_equal(json_get_object(NULL, "o", &child), 0);
	json_object_put(object);
}

static void a_failure_is_kept_to_the_end(void **state)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);

	json_put(&builder, object, "a", NULL);
	assert_true(builder.failed);
	json_put_text(&builder, object, "b", "x");
	json_put_number(&builder, NULL, "c", 1);
	json_add_text(&builder, NULL, "d");
	assert_null(json_finish(&builder, object));
}

static void bad_utf8_does_not_get_out(void **state)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);
	size_t length;

	json_put_text(&builder, object, "a", "x/\xc3");
	object = json_finish(&builder, object);
	assert_string_equal(json_write(object, &length), "{\"a\":\"x/?\"}");
	json_object_put(object);
}

static void frames_end_with_nul(void **state)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	struct json_object *message;
	const char *frame;
	size_t length;

	json_put_bytes(&builder, parameters, "t", "a\0b", 3);
	message = varlink_reply_new(&builder, parameters, true);
	frame = varlink_frame(message, &length);
	assert_int_equal(length, strlen(frame) + 1);
	assert_string_equal(frame, "{\"parameters\":{\"t\":\"a\\u0000b\"},\"continues\":true}");
	json_object_put(message);
}

static void calls_are_read(void **state)
{
	static const char good[] = "{\"method\":\"a.B\",\"parameters\":null,\"more\":true,\"x\":1}";
	static const char bad[] = "{\"method\":\"a.B\",\"oneway\":1}";
	struct varlink_call call;

	assert_int_equal(varlink_call_read(good, strlen(good), &call), 0);
	assert_string_equal(call.method, "a.B");
	assert_null(call.parameters);
	assert_true(call.more);
	assert_false(call.oneway);
	varlink_call_done(&call);
	assert_int_equal(varlink_call_read(bad, strlen(bad), &call), -EBADMSG);
}

static void assert_record(const struct event *event, const char *expected)
{
	struct json_builder builder = {0};
	struct json_object *record = json_finish(&builder, record_to_json(&builder, event));
	size_t length;

	assert_non_null(record);
	assert_string_equal(json_write(record, &length), expected);
	json_object_put(record);
}

/* Every kind that is written is read back to the same record. */
static void records_are_read_back(void **state)
{
	size_t kinds = 0;

	for (int kind = 1; kind < 100; kind++) {
		struct json_builder builder = {0};
		struct event event = {.sequence = 5,
			.at = {.wall_us = 9, .monotonic_us = 8},
			.kind = (enum event_kind)kind,
			.source = SOURCE_USB,
			.mode = MODE_DFU,
			.ecid = 0x12345,
			.udid = "00008030-F234567812345678",
			.port = "1-2",
			.product = "iPhone12,3",
			.code = -7,
			.number = 3,
			.flag = 2,
			.permille = 55,
			.speed_mbps = 480,
			.hub_depth = 2,
			.name = "a name",
			.session = {{1, 2}}};
		struct event again;
		char text[EVENT_TEXT_MAX + 1];
		size_t length;
		CLEANUP(json_object_putp) struct json_object *record = NULL;

		if (text_equal(event_kind_name(event.kind), "unknown"))
			continue;
		event_set_text(&event, "what it says");
		record = record_to_json(&builder, &event);
		assert_int_equal(record_from_json(record, &again, text), 0);
		assert_record(&again, json_write(record, &length));
		kinds++;
	}
	assert_in_range(kinds, 30, 99);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const texts[] = {"{}", "{\"sequence\":1}",
		"{\"sequence\":0,\"kind\":\"log\"}", "{\"sequence\":1,\"kind\":\"surprise\"}",
		"{\"sequence\":\"1\",\"kind\":\"log\"}",
		"{\"sequence\":1,\"kind\":\"log\",\"ecid\":\"x\"}",
		"{\"sequence\":1,\"kind\":\"log\",\"text\":7}",
		"{\"sequence\":1,\"kind\":\"log\",\"number\":-1}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(json_object_putp) struct json_object *object = NULL;
		struct event event;
		char text[EVENT_TEXT_MAX + 1];

		assert_int_equal(json_read(texts[i], strlen(texts[i]), &object), 0);
		assert_int_equal(record_from_json(object, &event, text), -EINVAL);
	}
}

static void records_have_what_their_kind_has(void **state)
{
	struct event event = {.sequence = 9, .at = {20, 10}, .source = SOURCE_TOOL};

	event.kind = EVENT_CHECKPOINT;
	event.number = 0x684;
	event.flag = CHECKPOINT_FAILURE;
	event.code = 0;
	text_copy(event.name, sizeof(event.name), "ticket");
	assert_record(&event,
		"{\"sequence\":9,\"timeUSec\":10,\"monotonicUSec\":20,\"kind\":\"checkpoint\","
		"\"source\":\"tool\",\"name\":\"ticket\",\"number\":1668,\"code\":0,"
		"\"state\":\"failure\"}");
	/* A number without a meaning for the kind is left out, a word from a later version too. */
	event.kind = EVENT_TRANSFER;
	event.flag = 77;
	assert_record(&event,
		"{\"sequence\":9,\"timeUSec\":10,\"monotonicUSec\":20,\"kind\":\"transfer\","
		"\"source\":\"tool\",\"name\":\"ticket\"}");
	event.kind = (enum event_kind)999;
	assert_record(&event,
		"{\"sequence\":9,\"timeUSec\":10,\"monotonicUSec\":20,\"kind\":\"unknown\","
		"\"source\":\"tool\",\"name\":\"ticket\"}");
}

static void hub_depth_is_told_by_usb_alone(void **state)
{
	struct event event = {.kind = EVENT_ATTACH, .source = SOURCE_USB, .mode = MODE_DFU};

	assert_record(&event,
		"{\"sequence\":0,\"timeUSec\":0,\"monotonicUSec\":0,"
		"\"kind\":\"attach\",\"source\":\"usb\",\"mode\":\"dfu\",\"hubDepth\":0}");
	event.source = SOURCE_TOOL;
	assert_record(&event, "{\"sequence\":0,\"timeUSec\":0,\"monotonicUSec\":0,"
			      "\"kind\":\"attach\",\"source\":\"tool\",\"mode\":\"dfu\"}");
}

/* A number that stands for a word is told as that word. */
static void numbers_with_a_word_are_told_as_it(void **state)
{
	static const struct {
		enum event_kind kind;
		uint32_t number, flag;
		const char *state;
	} cases[] = {
		{EVENT_STAGE, STAGE_RESTORE, 0, "restore"},
		{EVENT_OUTCOME, OUTCOME_FAILED, 0, "failed"},
		{EVENT_SESSION_END, OUTCOME_LOST, 0, "lost"},
		{EVENT_CHECKPOINT, 1, CHECKPOINT_STARTED, "started"},
		{EVENT_TRANSFER, 0, STEP_DONE, "done"},
		{EVENT_SOURCE, 0, 0, "up"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event event = {
			.kind = cases[i].kind, .number = cases[i].number, .flag = cases[i].flag};
		struct json_builder builder = {0};
		struct json_object *record = record_to_json(&builder, &event);
		const char *word = NULL;

		assert_int_equal(json_get_text(record, "state", &word), 1);
		assert_string_equal(word, cases[i].state);
		json_object_put(record);
	}
}

static void an_empty_session_has_its_lists(void **state)
{
	struct attempt attempt;
	struct identity identity = {0};
	struct session_record session = {
		.attempt = &attempt, .identity = &identity, .running = true};
	struct json_builder builder = {0};
	struct json_object *object, *list;
	const char *text;
	int64_t number;

	attempt_init(&attempt);
	object = json_finish(&builder, session_to_json(&builder, &session));
	assert_non_null(object);
	assert_int_equal(json_get_array(object, "modes", &list), 1);
	assert_int_equal(json_get_array(object, "conditions", &list), 1);
	assert_int_equal(json_get_object(object, "health", &list), 1);
	assert_int_equal(json_get_text(object, "outcome", &text), 1);
	assert_string_equal(text, "running");
	assert_int_equal(json_get_text(object, "ecid", &text), 0);
	assert_int_equal(json_get_number(object, "permille", &number), 0);
	assert_int_equal(json_get_number(object, "itunesCode", &number), 0);
	json_object_put(object);
}

static void a_verdict_without_next_step_has_none(void **state)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct json_builder builder = {0};
	struct json_object *object;
	size_t length;

	assert_non_null(verdict);
	object = json_finish(&builder, verdict_to_json(&builder, verdict));
	assert_string_equal(json_write(object, &length),
		"{\"phase\":\"none\",\"strength\":\"none\",\"summary\":\"\",\"silences\":[],"
		"\"causes\":[],"
		"\"advice\":[],\"missing\":[]}");
	json_object_put(object);
	free(verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_read_takes_one_object),
		cmocka_unit_test(json_read_limits_depth),
		cmocka_unit_test(json_freeze_keeps_the_text),
		cmocka_unit_test(getters_tell_absent_from_wrong),
		cmocka_unit_test(a_failure_is_kept_to_the_end),
		cmocka_unit_test(bad_utf8_does_not_get_out),
		cmocka_unit_test(frames_end_with_nul),
		cmocka_unit_test(calls_are_read),
		cmocka_unit_test(records_have_what_their_kind_has),
		cmocka_unit_test(records_are_read_back),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(hub_depth_is_told_by_usb_alone),
		cmocka_unit_test(numbers_with_a_word_are_told_as_it),
		cmocka_unit_test(an_empty_session_has_its_lists),
		cmocka_unit_test(a_verdict_without_next_step_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
