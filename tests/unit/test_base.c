/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids as people and tools write them, and text from strangers. */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/json_syntax.h"
#include "common/base/macro.h"
#include "common/base/service_user.h"
#include "common/base/text.h"

static void test_uuid(void **state)
{
	struct stamp now = {.wall_us = UINT64_C(0x0192abcdef12) * 1000};
	struct uuid id = uuid_make(now), again = {{0}};
	char text[UUID_TEXT_SIZE];

	uuid_format(&id, text);
	assert_int_equal(strlen(text), 36);
	assert_memory_equal(text, "0192abcd-ef12-7", 15);
	assert_non_null(strchr("89ab", text[19]));
	assert_int_equal(uuid_parse(text, &again), 0);
	assert_true(uuid_equal(&id, &again));
	assert_false(uuid_is_none(&id));
	assert_int_equal(uuid_parse("0192abcd-ef12", &again), -EINVAL);
	assert_int_equal(uuid_parse("0192abcd_ef12-7000-8000-000000000000", &again), -EINVAL);
	assert_int_equal(uuid_parse("0192abcd-ef12-7000-8000-0000000000000", &again), -EINVAL);
	assert_true(uuid_equal(&id, &again));
}

static void test_ecid(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ecid;
	} rows[] = {
		{"0x001C2D6A3C8A802E", 0, 0x001c2d6a3c8a802e},
		{"001c2d6a3c8a802e", 0, 0x001c2d6a3c8a802e},
		{"1C2D6A3C8A802E", 0, 0x001c2d6a3c8a802e},
		{"7931233653391406", 0, 0x7931233653391406}, /* 16 digits are hexadecimal */
		{"793123365339140", 0, 793123365339140},
		{"0x0", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"face", -EINVAL, 0},
		{"0x12345678901234567", -EINVAL, 0},
		{"12 ", -EINVAL, 0},
		{"-5", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ecid = 0;

		if (ecid_parse(rows[i].text, &ecid) != rows[i].result || ecid != rows[i].ecid)
			fail_msg("%s: %llx", rows[i].text, (unsigned long long)ecid);
	}
}

static void test_udid(void **state)
{
	char udid[UDID_SIZE];

	assert_int_equal(udid_normalize("00008030001c2d6a3c8a802e", udid), 0);
	assert_string_equal(udid, "00008030-001C2D6A3C8A802E");
	assert_int_equal(udid_normalize("00008030-001C2D6A3C8A802E", udid), 0);
	assert_string_equal(udid, "00008030-001C2D6A3C8A802E");
	assert_true(udid_ecid(udid) == 0x001c2d6a3c8a802e);
	assert_int_equal(udid_normalize("0123456789ABCDEF0123456789abcdef01234567", udid), 0);
	assert_string_equal(udid, "0123456789abcdef0123456789abcdef01234567");
	assert_true(udid_ecid(udid) == 0);
	assert_int_equal(udid_normalize("00008030-001C2D6A3C8A802", udid), -EINVAL);
	assert_int_equal(udid_normalize("0000803-0001C2D6A3C8A802E", udid), -EINVAL);
	assert_int_equal(udid_normalize("", udid), -EINVAL);
}

static void test_clean(void **state)
{
	static const struct {
		const char *in;
		size_t length;
		const char *out;
	} rows[] = {
		{"plain", 5, "plain"}, {"a\tb\nc\0d", 7, "a b?c?d"},
		{"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x93\xb1", 9, "\xc3\xa4\xe6\x97\xa5\xf0\x9f\x93\xb1"},
		{"\xc3", 1, "?"}, {"\xc0\x80", 2, "??"}, /* overlong */
		{"\xed\xa0\x80", 3, "???"},		 /* a surrogate */
		{"\xf4\x90\x80\x80", 4, "????"},	 /* beyond Unicode */
		{"\x1b[31m", 5, "?[31m"},
		{"\xc2\x9b"
		 "31m",
			5, "?31m"}, /* a control character of two bytes */
		{"a\xe2\x80\xae"
		 "b\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\xa8",
			14, "a?b???"}, /* turns of direction, a line end of Unicode */
		{"\xe2\x80\x93\xe2\x81\xa5\xe2\x82\xac", 9,
			"\xe2\x80\x93\xe2\x81\xa5\xe2\x82\xac"}, /* their neighbours */
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(text_clean(rows[i].in, rows[i].length, out, sizeof(out)),
			strlen(rows[i].out));
		assert_string_equal(out, rows[i].out);
		assert_true(text_is_utf8(out, strlen(out)));
	}
	/* Cut at the border of a character. */
	assert_int_equal(text_clean("a\xe6\x97\xa5", 4, out, 4), 1);
	assert_string_equal(out, "a");
}

static bool is_json(const char *text)
{
	size_t at;

	return json_syntax_check(text, strlen(text), 3, &at);
}

static void test_utf8_at_each_place(void **state)
{
	for (size_t at = 0; at < 20; at++) {
		char text[20] = "01234567890123456789";

		assert_true(text_is_utf8(text, sizeof(text)));
		text[at] = '\xff';
		assert_false(text_is_utf8(text, sizeof(text)));
		assert_true(text_is_utf8(text, at));
	}
}

static void test_json_syntax(void **state)
{
	static const char *const right[] = {"{}", " [ ] \n", "[{\"a\":[]},{}]", "0", "-0.5e+3",
		"[1E9,-12.50]", "\"\"", "\"\\u00e4\\\"\\\\\\/\\n\"", "\"\xc3\xa4 \xe2\x80\xa6\"",
		"{\"a\\\"b\" : [ true,false , null ] , \"c\":{}}"};
	static const char *const wrong[] = {"", " ", "{", "[", "[}", "{]", "}", "[1,]", "[,1]",
		"{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{1:2}", "{'a':1}",
		"['a']", "[1 2]", "{} {}", "{}x", "01", "-", "+1", ".5", "1.", "1e", "1e+", "NaN",
		"-Infinity", "True", "nul", "nullx", "\"", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\",
		"\"\t\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "/**/1", "[[[[]]]]"};
	size_t at;

	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		assert_true(is_json(right[i]));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(is_json(wrong[i]));
	assert_false(json_syntax_check("[1,\0]", 5, 3, &at));
	assert_false(json_syntax_check("{\"a\": tru}", 11, 3, &at));
	assert_int_equal(at, 6);
}

static void test_service_user(void **state)
{
	/* Debian's base-passwd(5) gives both their numbers. */
	assert_int_equal(service_user("daemon"), 1);
	assert_int_equal(service_user("nobody"), 65534);
	assert_int_equal(service_user("daemo"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_user),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_ecid),
		cmocka_unit_test(test_udid),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_utf8_at_each_place),
		cmocka_unit_test(test_json_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
