/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary form of events, which rings on disk are made of, and the words of the interface. */
#include "common/base/macro.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/event.h"

static const struct event full = {
	.at = {.monotonic_us = 123456789, .wall_us = UINT64_C(1795391999000000)},
	.kind = EVENT_ATTACH,
	.source = SOURCE_USB,
	.mode = MODE_RECOVERY,
	.ecid = 0x001c2d6a3c8a802e,
	.udid = "00008030-001C2D6A3C8A802E",
	.port = "1-2.3",
	.product = "iPhone12,3",
	.code = -71,
	.number = 28,
	.flag = 3,
	.permille = 310,
	.speed_mbps = 480,
	.hub_depth = 2,
	.name = "name",
	.text = "some text",
	.text_length = 9,
};

static void test_round_trip(void **state)
{
	uint8_t bytes[EVENT_BYTES_MAX];
	size_t length = event_encode(&full, bytes);
	struct event event;

	assert_int_equal(event_decode(bytes, length, &event), 0);
	assert_memory_equal(event.text, full.text, full.text_length);
	event.text = full.text;
	assert_memory_equal(&event, &full, offsetof(struct event, name));
	assert_string_equal(event.name, full.name);
	assert_int_equal(event.text_length, full.text_length);
}

/* Each cut of an event is told, and leaves what was there untouched. */
static void test_truncated(void **state)
{
	uint8_t bytes[EVENT_BYTES_MAX];
	size_t length = event_encode(&full, bytes);

	for (size_t cut = 1; cut < length; cut++) {
		struct event event = {.number = 99};

		if (event_decode(bytes, cut, &event) == -EBADMSG)
			assert_int_equal(event.number, 99);
	}
}

static void test_unknown_fields_are_passed_over(void **state)
{
	static const uint8_t bytes[] = {200, 2, 0, 'x', 'y', 11, 4, 0, 28, 0, 0, 0};
	struct event event;

	assert_int_equal(event_decode(bytes, sizeof(bytes), &event), 0);
	assert_int_equal(event.number, 28);
}

static void test_wrong_sizes_are_refused(void **state)
{
	static const uint8_t number[] = {11, 3, 0, 1, 2, 3};
	uint8_t port[3 + PORT_SIZE] = {8, PORT_SIZE, 0};
	struct event event;

	assert_int_equal(event_decode(number, sizeof(number), &event), -EBADMSG);
	memset(port + 3, 'p', PORT_SIZE);
	assert_int_equal(event_decode(port, sizeof(port), &event), -EBADMSG);
}

static void test_long_text_is_cut(void **state)
{
	static char text[EVENT_TEXT_MAX * 3];
	uint8_t bytes[EVENT_BYTES_MAX];
	struct event event = full;

	memset(text, 't', sizeof(text));
	event.text = text;
	event.text_length = sizeof(text);
	assert_int_equal(event_decode(bytes, event_encode(&event, bytes), &event), 0);
	assert_int_equal(event.text_length, EVENT_TEXT_MAX);
}

/* The largest event fits: every string full, and the longest text. */
static void test_largest_fits(void **state)
{
	static char text[EVENT_TEXT_MAX];
	uint8_t bytes[EVENT_BYTES_MAX];
	struct event event;

	memset(&event, 'z', sizeof(event));
	memset(text, 't', sizeof(text));
	event.text = text;
	event.text_length = sizeof(text);
	assert_true(event_encode(&event, bytes) < EVENT_BYTES_MAX);
}

static void test_words(void **state)
{
	for (int kind = EVENT_BENCH; kind <= EVENT_LINK_RATE; kind++) {
		const char *name = event_kind_name((enum event_kind)kind);

		if (!text_equal(name, "unknown"))
			assert_int_equal(event_kind_from_name(name), kind);
	}
	assert_int_equal(device_mode_from_name("dfu"), MODE_DFU);
	assert_int_equal(device_mode_from_name("nonsense"), MODE_UNKNOWN);
	assert_string_equal(outcome_name((enum outcome)77), "unknown");
}

/* The numbers are stored: two kinds with one number would be read as each other. */
static void kinds_have_numbers_of_their_own(void **state)
{
	static const char *const words[] = {"bench", "source", "attach", "detach", "mux-attach",
		"mux-detach", "usb-error", "mux-error", "identity", "port", "mux-client", "system",
		"tool-start", "tool-end", "tool-version", "log", "firmware", "action", "entry",
		"stage", "operation", "progress", "checkpoint", "transfer", "wait", "status",
		"amr-error", "sign", "device-log", "saved", "reported-error", "outcome",
		"condition", "note", "ticket", "measurement", "session-begin", "session-end",
		"silence", "link-lost", "diagnosis", "link-error", "link-corrected", "link-quiet",
		"link-rate"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_string_equal(event_kind_name(event_kind_from_name(words[i])), words[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_unknown_fields_are_passed_over),
		cmocka_unit_test(test_wrong_sizes_are_refused),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_largest_fits),
		cmocka_unit_test(test_words),
		cmocka_unit_test(kinds_have_numbers_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
