/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/phone_query_policy.h"

#include <string.h>

#include "tests/unit/test.h"

#define UDID "00008030-001C2D6A3C8A802E"
#define WATCHED_US (100 * USEC_PER_SEC)
#define BOTH (QUERY_NORMAL | QUERY_RESTORE)

struct rig {
	struct bench *bench;
	uint64_t now_us;
	uint64_t sequence;
};

static uint64_t record(void *user, const struct event *event)
{
	struct rig *rig = user;

	return ++rig->sequence;
}

static struct uuid make_id(void *user, struct stamp now)
{
	return (struct uuid){{7}};
}

static struct event link_event(struct rig *rig, enum event_kind kind, enum device_mode mode)
{
	struct event event = {.at = {rig->now_us, rig->now_us}, .kind = kind, .mode = mode};
	bool mux = kind == EVENT_MUX_ATTACH || kind == EVENT_MUX_DETACH;

	event.source = mux ? SOURCE_USBMUXD : SOURCE_USB;
	strcpy(event.port, "1-2");
	strcpy(event.udid, UDID);
	return event;
}

static void feed(struct rig *rig, enum event_kind kind, enum device_mode mode)
{
	struct event event = link_event(rig, kind, mode);

	bench_feed(rig->bench, &event);
	rig->now_us += USEC_PER_SEC / 10;
}

/* Asks what the phone may be asked that usbmuxd lists now, and lets the bench know that it does. */
static unsigned list(struct rig *rig, unsigned allowed)
{
	const struct query_policy policy = {allowed, WATCHED_US};
	struct event event = link_event(rig, EVENT_MUX_ATTACH, MODE_NORMAL_OR_RESTORE);
	unsigned asks = query_due(rig->bench, &policy, &event);

	feed(rig, EVENT_MUX_ATTACH, MODE_NORMAL_OR_RESTORE);
	return asks;
}

static void leave(struct rig *rig)
{
	feed(rig, EVENT_MUX_DETACH, MODE_UNKNOWN);
	feed(rig, EVENT_DETACH, MODE_UNKNOWN);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->now_us = WATCHED_US + USEC_PER_SEC;
	rig->bench = bench_new("bench", "", 100, record, make_id, rig);
	assert_non_null(rig->bench);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	bench_free(rig->bench);
	free(rig);
	return 0;
}

static void new_phone(void **state)
{
	struct rig *rig = *state;

	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, BOTH), BOTH);
}

static void nothing_is_allowed(void **state)
{
	struct rig *rig = *state;

	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, 0), 0);
}

static void there_before(void **state)
{
	struct rig *rig = *state;

	rig->now_us = WATCHED_US;
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, BOTH), 0);
}

static void not_on_usb(void **state)
{
	assert_int_equal(list(*state, BOTH), 0);
}

static void listed_late(void **state)
{
	struct rig *rig = *state;

	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	rig->now_us += 2 * QUERY_WINDOW_US;
	assert_int_equal(list(rig, BOTH), 0);
}

static void listed_again(void **state)
{
	struct rig *rig = *state;

	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, BOTH), BOTH);
	feed(rig, EVENT_MUX_DETACH, MODE_UNKNOWN);
	assert_int_equal(list(rig, BOTH), 0);
}

/* A phone that was in recovery mode may be in a restore; so may one that nobody ever asked. */
static void may_be_in_a_restore(void **state)
{
	struct rig *rig = *state;

	feed(rig, EVENT_ATTACH, MODE_RECOVERY);
	feed(rig, EVENT_DETACH, MODE_UNKNOWN);
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, QUERY_NORMAL), 0);
	leave(rig);
	rig->now_us += 1000 * USEC_PER_SEC;
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, QUERY_NORMAL), 0);
	leave(rig);
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_true(list(rig, BOTH) & QUERY_RESTORE);
}

static void known_to_be_normal(void **state)
{
	struct rig *rig = *state;
	struct event told;

	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, QUERY_NORMAL), QUERY_NORMAL);
	told = link_event(rig, EVENT_IDENTITY, MODE_NORMAL);
	told.source = SOURCE_PHONE;
	bench_feed(rig->bench, &told);
	assert_int_equal(bench_device(rig->bench, 0)->mode, MODE_NORMAL);
	leave(rig);
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(list(rig, QUERY_NORMAL), QUERY_NORMAL);
}

/* A session that is watched: the third return is the restore system, the fourth the phone's own. */
static void in_a_session(void **state)
{
	static const char *const programs[] = {"IBFL:3D SRNM", "IBFL:3C SRNM"};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct event attach = link_event(rig, EVENT_ATTACH, MODE_RECOVERY);

		event_set_text(&attach, programs[i]);
		bench_feed(rig->bench, &attach);
		rig->now_us += USEC_PER_SEC / 10;
		feed(rig, EVENT_DETACH, MODE_UNKNOWN);
	}
	feed(rig, EVENT_ATTACH, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(bench_session_count(rig->bench), 1);
	assert_int_equal(list(rig, BOTH), QUERY_RESTORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_phone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(there_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_on_usb, set_up, tear_down),
		cmocka_unit_test_setup_teardown(listed_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(listed_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(may_be_in_a_restore, set_up, tear_down),
		cmocka_unit_test_setup_teardown(known_to_be_normal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_a_session, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
