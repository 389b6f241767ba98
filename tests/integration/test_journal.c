/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal adapter on real journal files, which systemd-journal-remote makes of text. */
#include "tests/integration/journal_rig.h"

#define FLOOD_LINES 5000
#define USBMUXD "_TRANSPORT=stdout\n_SYSTEMD_UNIT=usbmuxd.service\n"
#define MANAGER "_TRANSPORT=journal\n_PID=1\nUNIT=usbmuxd.service\n"
#define OTHER_BOOT "0123456789abcdef0123456789abcdef"

static void new_lines_are_told(void **state)
{
	struct rig *rig = *state;
	const struct event *event;
	char source_time[160];
	uint64_t second;

	begin_at_the_end_of(rig);
	file_begin(rig);
	entry(rig, KERNEL, "usb 1-2.3: device descriptor read/64, error -110");
	snprintf(source_time, sizeof(source_time),
		KERNEL "_SOURCE_MONOTONIC_TIMESTAMP=%" PRIu64 "\n", rig->now_us - 400000);
	second = rig->now_us - 400000;
	entry(rig, source_time, "usb 1-2-port3: Cannot enable. Maybe the USB cable is bad?");
	entry(rig, USBMUXD, "[10:00:00.000][1] RX transfer timed out for device 2-3");
	entry(rig, MANAGER, "usbmuxd.service: Main process exited, code=dumped, status=11/SEGV");
	entry(rig, USBMUXD, "[10:00:00.100][4] Client 11 accepted: indexer[2254]");
	file_end(rig);
	expect_events(rig, 6);

	event = &rig->events.list[1].event;
	assert_int_equal(event->kind, EVENT_USB_ERROR);
	assert_int_equal(event->source, SOURCE_KERNEL);
	assert_string_equal(event->name, "descriptor-read");
	assert_string_equal(event->port, "1-2.3");
	assert_int_equal(event->code, -110);
	assert_string_equal(event->text, "usb 1-2.3: device descriptor read/64, error -110");

	event = &rig->events.list[2].event;
	assert_string_equal(event->port, "1-2.3");
	assert_true(event->at.monotonic_us == second);

	event = &rig->events.list[3].event;
	assert_int_equal(event->kind, EVENT_USB_ERROR);
	assert_int_equal(event->source, SOURCE_USBMUXD);
	assert_string_equal(event->port, "2-1.4");

	event = &rig->events.list[4].event;
	assert_int_equal(event->kind, EVENT_MUX_ERROR);
	assert_string_equal(event->name, "usbmuxd-crashed");

	event = &rig->events.list[5].event;
	assert_int_equal(event->kind, EVENT_MUX_CLIENT);
	assert_string_equal(event->name, "indexer");
	assert_int_equal(event->number, 2254);
}

/* These are forged or old; only the last line is valid, and ends the wait. */
static void forged_and_foreign_lines(void **state)
{
	struct rig *rig = *state;
	const char *error = "usb 1-2: device descriptor read/64, error -71";

	begin_at_the_end_of(rig);
	file_begin(rig);
	entry(rig, "_TRANSPORT=syslog\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\n", error);
	entry(rig, "_TRANSPORT=journal\nSYSLOG_FACILITY=0\n_PID=4711\n", error);
	entry(rig, "_TRANSPORT=kernel\nSYSLOG_FACILITY=1\n", error);
	entry(rig, "_TRANSPORT=kernel\n", error);
	entry(rig, "_TRANSPORT=stdout\n_SYSTEMD_UNIT=evil.service\nUNIT=usbmuxd.service\n_PID=9\n",
		"usbmuxd.service: Main process exited, code=dumped, status=11/SEGV");
	entry(rig, "_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=usbmuxd\n_SYSTEMD_UNIT=evil.service\n",
		"RX transfer timed out for device 2-3");
	entry_in_boot(rig, OTHER_BOOT, KERNEL, error);
	entry(rig, KERNEL, "usb 1-2: Product: over-current condition");
	entry(rig, KERNEL "_KERNEL_DEVICE=c189:130\n",
		"xhci_hcd 0000:00:14.0: WARN Event TRB for slot 1 ep 2 with no TDs queued");
	file_end(rig);
	expect_events(rig, 2);
	assert_string_equal(rig->events.list[1].event.name, "host-controller-confused");
	assert_string_equal(rig->events.list[1].event.port, "2-1.4");
}

static void usbmuxd_leaves_a_phone(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	file_begin(rig);
	entry(rig, USBMUXD,
		"[10:00:01.030][3] Connecting to new device on location 0x20003 as ID 2");
	entry(rig, USBMUXD, "[10:00:01.040][3] usbmuxd shutting down");
	file_end(rig);
	expect_events(rig, 2);
	assert_int_equal(rig->events.list[1].event.kind, EVENT_MUX_ERROR);
	assert_string_equal(rig->events.list[1].event.name, "usbmuxd-left-phone");
}

/* A restart reads the entries written in between, once. */
static void place_is_kept(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	file_begin(rig);
	entry(rig, KERNEL, "usb 1-2: device descriptor read/64, error -71");
	file_end(rig);
	expect_events(rig, 2);
	rig->journal = journal_free(rig->journal);

	file_begin(rig);
	entry(rig, KERNEL, "usb 1-3: device descriptor read/64, error -71");
	file_end(rig);
	begin(rig, true);
	expect_events(rig, 4);
	assert_int_equal(rig->events.list[2].event.kind, EVENT_SOURCE);
	assert_string_equal(rig->events.list[3].event.port, "1-3");
	rig->journal = journal_free(rig->journal);

	begin(rig, true);
	expect_events(rig, 5);
	assert_int_equal(rig->events.list[4].event.kind, EVENT_SOURCE);
}

/* After a long absence, old lines are skipped. */
static void old_lines_are_left(void **state)
{
	struct rig *rig = *state;

	rig->wall_us -= 2 * JOURNAL_CATCH_UP_MAX_US;
	begin_at_the_end_of(rig);
	rig->journal = journal_free(rig->journal);
	file_begin(rig);
	entry(rig, KERNEL, "usb 1-2: device descriptor read/64, error -71");
	rig->wall_us += 2 * JOURNAL_CATCH_UP_MAX_US;
	entry(rig, KERNEL, "usb 1-3: device descriptor read/64, error -71");
	file_end(rig);
	begin(rig, true);
	expect_events(rig, 3);
	assert_string_equal(rig->events.list[2].event.port, "1-3");
}

static void error_at(struct rig *rig, const char *port)
{
	char line[80];

	snprintf(line, sizeof(line), "usb %s: device descriptor read/64, error -71", port);
	file_begin(rig);
	entry(rig, KERNEL, line);
	file_end(rig);
}

static void expect_error(struct rig *rig, size_t count, const char *port)
{
	expect_events(rig, count);
	assert_int_equal(rig->events.list[count - 1].event.kind, EVENT_USB_ERROR);
	assert_string_equal(rig->events.list[count - 1].event.port, port);
}

static void expect_gap(const struct event *event)
{
	assert_int_equal(event->kind, EVENT_SOURCE);
	assert_int_equal(event->code, 0);
	assert_non_null(strstr(event->text, "may have been deleted"));
}

static void rotate_to_error_at(struct rig *rig, const char *port)
{
	rotate(rig);
	error_at(rig, port);
}

/* Each line is read once, and nothing is said to be missing while an entry that was read is left.
 */
static void rotated_and_vacuumed(void **state)
{
	struct rig *rig = *state;
	size_t descriptors;

	begin_at_the_end_of(rig);
	descriptors = count_descriptors();
	rotate_to_error_at(rig, "1-2");
	expect_error(rig, 2, "1-2");
	rotate_to_error_at(rig, "1-3");
	expect_error(rig, 3, "1-3");
	vacuum(rig, 1);
	rotate_to_error_at(rig, "1-4");
	expect_error(rig, 4, "1-4");
	vacuum(rig, 3);
	rotate_to_error_at(rig, "1-5");
	expect_error(rig, 5, "1-5");
	vacuum(rig, 4);
	error_at(rig, "1-6");
	expect_error(rig, 6, "1-6");
	/* A file more is there than at the start. */
	assert_int_equal(count_descriptors(), descriptors + 1);
	rig->journal = journal_free(rig->journal);

	begin(rig, true);
	expect_events(rig, 7);
	assert_string_equal(rig->events.list[6].event.text, "reading");
}

/* The adapter sees all of this at once. */
static void deleted_before_it_was_read(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	rotate_to_error_at(rig, "1-2");
	rotate_to_error_at(rig, "1-3");
	vacuum(rig, 2);
	expect_error(rig, 3, "1-3");
	expect_gap(&rig->events.list[1].event);
}

/* What is left is read from its first line. */
static void deleted_between_two_runs(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	rig->journal = journal_free(rig->journal);
	rotate_to_error_at(rig, "1-2");
	rotate_to_error_at(rig, "1-3");
	rotate_to_error_at(rig, "1-4");
	vacuum(rig, 2);
	begin(rig, true);
	expect_error(rig, 4, "1-4");
	expect_gap(&rig->events.list[1].event);
	assert_string_equal(rig->events.list[2].event.port, "1-3");
}

/* As journald does when it moves from /run to /var: the same entries in a file with another id. */
static void copied_to_another_file(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	rotate_to_error_at(rig, "1-2");
	expect_error(rig, 2, "1-2");
	rig->journal = journal_free(rig->journal);
	rotate(rig);
	rig->text = fopen(rig->text_path, "a");
	assert_non_null(rig->text);
	entry(rig, KERNEL, "usb 1-3: device descriptor read/64, error -71");
	file_end(rig);
	vacuum(rig, 2);
	begin(rig, true);
	expect_error(rig, 4, "1-3");
}

static void nonsense_as_the_place(void **state)
{
	struct rig *rig = *state;
	FILE *file = fopen(rig->cursor, "w");

	fputs("s=garbage;\xff\n", file);
	fclose(file);
	begin_at_the_end_of(rig);
}

static void nothing_to_read_is_said(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig, false);
	expect_events(rig, 1);
	event = nth_event(&rig->events, EVENT_SOURCE, 0);
	assert_int_equal(event->code, -EACCES);
	assert_non_null(strstr(event->text, "systemd-journal"));
}

static void flood(void **state)
{
	struct rig *rig = *state;

	begin_at_the_end_of(rig);
	file_begin(rig);
	for (size_t i = 0; i < FLOOD_LINES; i++)
		entry(rig, KERNEL, "usb 1-2: device descriptor read/64, error -71");
	file_end(rig);
	expect_events(rig, FLOOD_LINES + 1);
	print_message("# longest stall: %" PRIu64 " us\n", loop_longest_stall_us(rig->loop));
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(new_lines_are_told),
		RIG_TEST(forged_and_foreign_lines),
		RIG_TEST(usbmuxd_leaves_a_phone),
		RIG_TEST(place_is_kept),
		RIG_TEST(old_lines_are_left),
		RIG_TEST(rotated_and_vacuumed),
		RIG_TEST(deleted_before_it_was_read),
		RIG_TEST(deleted_between_two_runs),
		RIG_TEST(copied_to_another_file),
		RIG_TEST(nonsense_as_the_place),
		RIG_TEST(nothing_to_read_is_said),
		RIG_TEST(flood),
	};

	if (!getenv("SYSTEMD_JOURNAL_REMOTE")) {
		fprintf(stderr, "SYSTEMD_JOURNAL_REMOTE names no program\n");
		return 77;
	}
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
