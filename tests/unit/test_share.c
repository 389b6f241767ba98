/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leaves a bench for the server, and what is accepted from it: identifiers never pass, in any
 * member, and a change comes back with the phone that was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/macro.h"
#include "sync/device_key.h"
#include "sync/share.h"

#define OWN "00000000000a-00000000000a"
#define FOREIGN "00000000000b-00000000000b"
#define ID "019a0000-0000-7000-8000-000000000001"
#define ECID UINT64_C(0x1C2D6A3C8A802E)

static const struct share_rules rules = {.host_id = OWN, .site = "north"};
static const struct share_rules open_rules = {.host_id = OWN, .site = "", .text = true};

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;

	assert_int_equal(json_read(text, strlen(text), &object), 0);
	return object;
}

/* An attempt with a secret in each member that can hold one. */
static struct json_object *attempt(const char *writer)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{\"formatVersion\":1,\"kind\":\"attempt\",\"id\":\"" ID "\",\"writer\":\"%s\","
		"\"revision\":7,\"case\":{\"format\":\"idevicetriage-case\",\"version\":1,"
		"\"device\":{\"ecid\":\"0x001C2D6A3C8A802E\",\"udid\":\"secret\","
		"\"serial\":\"secret\",\"productType\":\"iPhone11,2\"},\"history\":[\"drop\"],"
		"\"notes\":[\"secret\"],\"attempts\":[{\"session\":\"" ID
		"\",\"ticket\":\"secret\",\"log\":{\"lines\":[\"secret\"]},\"records\":[\"secret\"]"
		","
		"\"outcome\":\"failed\",\"tool\":\"x 1\",\"conditions\":{\"cable\":\"L07\","
		"\"port\":\"1-2\"},\"observed\":{\"complaint\":\"secret\","
		"\"failureText\":\"secret\",\"operation\":13},\"amendments\":[{\"key\":\"ticket\","
		"\"after\":\"secret\"},{\"key\":\"port\",\"after\":\"1-3\",\"by\":\"secret\"}]}]}}",
		writer);
	return parse(text);
}

static void test_no_secret_leaves(void **state)
{
	CLEANUP(json_object_putp) struct json_object *change = attempt(OWN);
	const char *session, *text;
	uint64_t ecid;
	size_t length;

	assert_int_equal(share_kind_of(&rules, change, &ecid, &session), SHARE_ATTEMPT);
	assert_true(ecid == ECID && !session);
	share_strip(&rules, change);
	text = json_write(change, &length);
	assert_null(strstr(text, "secret"));
	assert_null(strstr(text, "C8A802E"));
	for (size_t i = 0; i < 5; i++) {
		static const char *const kept[] = {"\"operation\":13", "\"drop\"", "iPhone11,2",
			"\"cable\":\"north/L07\"", "\"after\":\"1-3\""};

		assert_non_null(strstr(text, kept[i]));
	}
}

static void test_texts_leave_where_the_shop_says_so(void **state)
{
	CLEANUP(json_object_putp) struct json_object *change = attempt(OWN);
	size_t length;

	share_strip(&open_rules, change);
	assert_non_null(strstr(json_write(change, &length), "\"complaint\":\"secret\""));
	assert_null(strstr(json_write(change, &length), "C8A802E"));
}

static void test_what_is_shared(void **state)
{
	static const struct {
		const char *text;
		enum share_kind kind, open;
	} changes[] = {
		{"{\"kind\":\"note\",\"ecid\":\"0x1C2D6A3C8A802E\",\"noteKind\":\"note\"}",
			SHARE_NOTHING, SHARE_NOTE},
		{"{\"kind\":\"note\",\"ecid\":\"0x1C2D6A3C8A802E\",\"noteKind\":\"history\"}",
			SHARE_NOTE, SHARE_NOTE},
		{"{\"kind\":\"note\",\"udid\":\"0123456789012345678901234567890123456789\","
		 "\"noteKind\":\"history\"}",
			SHARE_NOTHING, SHARE_NOTHING},
		{"{\"kind\":\"correction\",\"session\":\"x\",\"key\":\"port\"}", SHARE_NOTE,
			SHARE_NOTE},
		{"{\"kind\":\"correction\",\"session\":\"x\",\"key\":\"ticket\"}", SHARE_NOTHING,
			SHARE_NOTHING},
		{"{\"kind\":\"condition\",\"place\":\"1-2\",\"hostId\":\"" OWN "\"}", SHARE_NOTHING,
			SHARE_NOTHING},
		{"{\"kind\":\"condition\",\"place\":\"0x001C2D6A3C8A802E\"}", SHARE_NOTE,
			SHARE_NOTE},
		{"{\"kind\":\"condition\",\"writer\":\"" FOREIGN
		 "\",\"place\":\"0x001C2D6A3C8A802E\"}",
			SHARE_NOTHING, SHARE_NOTHING},
		{"{\"kind\":\"purge\",\"writer\":\"" OWN "\",\"items\":[]}", SHARE_PURGE,
			SHARE_PURGE},
		{"{\"kind\":\"other\"}", SHARE_NOTHING, SHARE_NOTHING},
		{"{}", SHARE_NOTHING, SHARE_NOTHING},
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		CLEANUP(json_object_putp) struct json_object *change = parse(changes[i].text);
		const char *session;
		uint64_t ecid;

		assert_int_equal(share_kind_of(&rules, change, &ecid, &session), changes[i].kind);
		assert_int_equal(
			share_kind_of(&open_rules, change, &ecid, &session), changes[i].open);
	}
}

static void test_the_phone_is_the_one_that_was_asked_for(void **state)
{
	CLEANUP(json_object_putp) struct json_object *change = attempt(FOREIGN), *accepted = NULL;
	size_t length;
	const char *text;

	share_strip(&rules, change);
	assert_int_equal(share_accept(&rules, ID, 0x42, json_write(change, &length), &accepted), 0);
	text = json_write(accepted, &length);
	assert_non_null(strstr(text, "\"ecid\":\"0x0000000000000042\""));
	assert_non_null(strstr(text, "\"cable\":\"L07\""));
	json_object_put(accepted);
	json_object_put(change);
	/* A server that plants identifiers plants nothing. */
	change = attempt(FOREIGN);
	assert_int_equal(share_accept(&rules, ID, 0x42, json_write(change, &length), &accepted), 0);
	text = json_write(accepted, &length);
	assert_null(strstr(text, "C8A802E"));
	assert_null(strstr(text, "udid"));
	assert_null(strstr(text, "ticket"));
}

static void test_what_is_not_accepted(void **state)
{
	static const struct {
		const char *text;
		int result;
	} changes[] = {
		{"", -EBADMSG},
		{"null", -EBADMSG},
		{"[]", -EBADMSG},
		{"{}", -EBADMSG},
		{"{\"kind\":\"attempt\",\"id\":\"" ID "\"}", -EBADMSG},
		{"{\"kind\":\"attempt\",\"id\":\"" ID "\",\"writer\":\"" OWN "\"}", -EALREADY},
		{"{\"kind\":\"note\",\"id\":\"other\"}", -EBADMSG},
		{"{\"kind\":\"purge\",\"id\":\"" ID "\",\"items\":[\"" ID "\"]}", -EBADMSG},
		{"{\"kind\":\"attempt\",\"id\":\"" ID "\",\"case\":{\"device\":{},\"attempts\":7}}",
			-EBADMSG},
		{"{\"kind\":\"attempt\",\"id\":\"" ID
		 "\",\"case\":{\"device\":{},\"attempts\":[null]}}",
			-EBADMSG},
		{"{\"kind\":\"attempt\",\"id\":\"" ID
		 "\",\"case\":{\"device\":{},\"attempts\":[{\"session\":\"other\"}]}}",
			-EBADMSG},
	};
	struct json_object *accepted = NULL;
	char *large = malloc(SHARE_BYTES_MAX + 100);

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_int_equal(
			share_accept(&rules, ID, 1, changes[i].text, &accepted), changes[i].result);
	assert_non_null(large);
	memset(large, ' ', SHARE_BYTES_MAX + 99);
	large[SHARE_BYTES_MAX + 99] = '\0';
	memcpy(large, "{}", 2);
	assert_int_equal(share_accept(&rules, ID, 1, large, &accepted), -EBADMSG);
	assert_null(accepted);
	free(large);
}

static void test_labels_of_other_sites_stay(void **state)
{
	static const char text[] = "{\"kind\":\"correction\",\"id\":\"" ID
				   "\",\"session\":\"x\",\"key\":\"cable\",\"before\":\"south/L1\","
				   "\"after\":\"north/L2\"}";
	CLEANUP(json_object_putp) struct json_object *accepted = NULL;
	const char *before = "", *after = "";

	assert_int_equal(share_accept(&rules, ID, 1, text, &accepted), 0);
	json_get_text(accepted, "before", &before);
	json_get_text(accepted, "after", &after);
	assert_string_equal(before, "south/L1");
	assert_string_equal(after, "L2");
}

/* RFC 4231 has no key of 32 bytes with 8 of data: this value is from Python's hmac. */
static void test_the_key_of_a_phone(void **state)
{
	unsigned char shop_key[SHOP_KEY_BYTES];
	char key[DEVICE_KEY_SIZE];

	for (size_t i = 0; i < sizeof(shop_key); i++)
		shop_key[i] = (unsigned char)i;
	device_key_make(shop_key, ECID, key);
	assert_string_equal(
		key, "721b5f8e68f47c7cfc87016a984c11e87b6721d5fa93346508890112164d2db5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_secret_leaves),
		cmocka_unit_test(test_texts_leave_where_the_shop_says_so),
		cmocka_unit_test(test_what_is_shared),
		cmocka_unit_test(test_the_phone_is_the_one_that_was_asked_for),
		cmocka_unit_test(test_what_is_not_accepted),
		cmocka_unit_test(test_labels_of_other_sites_stay),
		cmocka_unit_test(test_the_key_of_a_phone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
