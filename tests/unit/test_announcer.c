/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which records become messages of the journal, and that none names a phone. */
#include "daemon/announcer.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "daemon/message.h"
#include "tests/unit/test.h"

#define ECID UINT64_C(0x1c2d6a3c8a802e)
#define UDID "00008030-001C2D6A3C8A802E"

static struct {
	size_t count;
	enum message last;
	char text[512];
	char fields[1024]; /* NAME=VALUE of the last one, one a line */
} told;

static struct latest_verdict latest;

const struct latest_verdict *__wrap_diagnoser_latest(const struct diagnoser *diagnoser);
void __wrap_message_write(enum message message, const struct message_field fields[], size_t count,
	const char *format, ...) PRINTF_LIKE(4, 5);

const struct latest_verdict *__wrap_diagnoser_latest(const struct diagnoser *diagnoser)
{
	return &latest;
}

void __wrap_message_write(enum message message, const struct message_field fields[], size_t count,
	const char *format, ...)
{
	size_t used = 0;
	va_list args;

	told.count++;
	told.last = message;
	va_start(args, format);
	vsnprintf(told.text, sizeof(told.text), format, args);
	va_end(args);
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(told.fields + used, sizeof(told.fields) - used, "%s=%s\n",
			fields[i].name, fields[i].value ? fields[i].value : "");
	assert_null(strstr(told.text, "8A802E"));
	assert_null(strstr(told.fields, "8A802E"));
}

static uint64_t forget_record(void *user, const struct event *event)
{
	return 1;
}

static struct uuid make_id(void *user, struct stamp now)
{
	return (struct uuid){{1}};
}

struct rig {
	struct announcer announcer;
	struct bench *bench;
};

static int set_up(void **state)
{
	static struct rig rig;

	memset(&told, 0, sizeof(told));
	latest = (struct latest_verdict){0};
	rig.bench = bench_new("bench", "", 100, forget_record, make_id, NULL);
	rig.announcer = (struct announcer){.bench = rig.bench};
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	bench_free(rig->bench);
	return 0;
}

static struct event of_phone(enum event_kind kind)
{
	struct event event = {.kind = kind, .session = {{1}}, .ecid = ECID};

	text_copy(event.udid, sizeof(event.udid), UDID);
	text_copy(event.product, sizeof(event.product), "iPhone12,3");
	text_copy(event.port, sizeof(event.port), "1-2");
	return event;
}

static void a_failed_restore(void **state)
{
	struct rig *rig = *state;
	struct event end = of_phone(EVENT_SESSION_END);

	end.number = OUTCOME_SUCCEEDED;
	announcer_observe(&rig->announcer, &end);
	assert_int_equal(told.count, 0);
	end.number = OUTCOME_FAILED;
	announcer_observe(&rig->announcer, &end);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.last, MESSAGE_RESTORE_FAILED);
	assert_string_equal(told.text, "The restore of a phone (iPhone12,3) on port 1-2 failed.");
	/* It ends a second time: only a new number is news. */
	announcer_observe(&rig->announcer, &end);
	assert_int_equal(told.count, 1);
	end.code = 4013;
	announcer_observe(&rig->announcer, &end);
	assert_int_equal(told.count, 2);
	assert_non_null(strstr(told.text, "error 4013"));
	assert_non_null(strstr(told.fields, "TRIAGE_SESSION=01000000-0000"));
	assert_non_null(strstr(told.fields, "TRIAGE_ITUNES_CODE=4013\n"));
}

static void a_changed_verdict(void **state)
{
	struct rig *rig = *state;
	struct event diagnosis = of_phone(EVENT_DIAGNOSIS);

	latest = (struct latest_verdict){.known = true, .phase = PHASE_UNDECIDED};
	announcer_observe(&rig->announcer, &diagnosis);
	assert_int_equal(told.last, MESSAGE_VERDICT_CHANGED);
	assert_string_equal(
		told.text, "The verdict on a phone (iPhone12,3) on port 1-2 is now: undecided.");
	latest = (struct latest_verdict){
		true, PHASE_CONNECTION, STRENGTH_WEAK, "cable", "the cable", STRENGTH_STRONG};
	announcer_observe(&rig->announcer, &diagnosis);
	assert_non_null(strstr(told.text, "Phase 1 (connection), weak; first suspect: the cable."));
	assert_int_equal(told.count, 2);
}

static void a_suspect_port(void **state)
{
	struct rig *rig = *state;
	struct event diagnosis = of_phone(EVENT_DIAGNOSIS);

	latest = (struct latest_verdict){true, PHASE_CONNECTION, STRENGTH_WEAK, "port-hub",
		"the USB port or hub", STRENGTH_WEAK};
	announcer_observe(&rig->announcer, &diagnosis);
	assert_int_equal(told.count, 1); /* weak evidence accuses no port */
	latest.cause_strength = STRENGTH_MODERATE;
	announcer_observe(&rig->announcer, &diagnosis);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.last, MESSAGE_PORT_SUSPECT);
	assert_non_null(strstr(told.fields, "TRIAGE_PORT=1-2\nTRIAGE_STRENGTH=moderate\n"));
}

static void a_dead_usbmuxd(void **state)
{
	struct rig *rig = *state;
	struct event error = of_phone(EVENT_MUX_ERROR);
	struct event source = {.kind = EVENT_SOURCE, .name = "usbmuxd"};

	text_copy(error.name, sizeof(error.name), "usbmuxd-hides-phone");
	announcer_observe(&rig->announcer, &error);
	assert_int_equal(told.count, 0); /* it runs */
	text_copy(error.name, sizeof(error.name), "usbmuxd-crashed");
	announcer_observe(&rig->announcer, &error);
	announcer_observe(&rig->announcer, &error);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.last, MESSAGE_USBMUXD_DEAD);
	announcer_observe(&rig->announcer, &source);
	announcer_observe(&rig->announcer, &error);
	assert_int_equal(told.count, 2); /* it ran in between */
}

static void a_lost_source(void **state)
{
	struct rig *rig = *state;
	struct event source = {.kind = EVENT_SOURCE, .name = "journal", .code = -13};

	event_set_text(&source, "no right to read it");
	announcer_observe(&rig->announcer, &source);
	assert_int_equal(told.last, MESSAGE_SOURCE_LOST);
	assert_string_equal(told.text, "The source journal does not work: no right to read it.");
	/* Debian's usbmuxd ends with the last phone. */
	text_copy(source.name, sizeof(source.name), "usbmuxd");
	announcer_observe(&rig->announcer, &source);
	assert_int_equal(told.count, 1);
	/* The bench works without this one. */
	text_copy(source.name, sizeof(source.name), "link");
	source.code = SOURCE_STATE_NOT_INSTALLED;
	announcer_observe(&rig->announcer, &source);
	assert_int_equal(told.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_failed_restore, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_verdict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_suspect_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dead_usbmuxd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lost_source, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
