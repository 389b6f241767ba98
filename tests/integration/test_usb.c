/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The USB adapter with libsystemd's own monitor and enumerator, on devices that umockdev plays. */
#include "daemon/sources/usb.h"

#include "common/base/log.h"
#include "common/base/text.h"
#include "tests/integration/usb_testbed.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define UDID "00008030-001C2D6A3C8A802E"
#define USB_SERIAL "00008030001C2D6A3C8A802E"
#define ECID 0x001C2D6A3C8A802E
#define BOOT_SERIAL(cpid, bdid)                                                                    \
	"CPID:" cpid " CPRV:11 CPFM:03 SCEP:01 BDID:" bdid                                         \
	" ECID:001C2D6A3C8A802E IBFL:3D SRNM:[MOCKUSB00000]"
#define APPLE USB_VENDOR_APPLE
#define ROUNDS 300

struct rig {
	struct loop *loop;
	struct usb_testbed *testbed;
	struct kept_events events;
	struct usb *usb;
	size_t want;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(loop_new(&rig->loop), 0);
	rig->testbed = usb_testbed_new();
	assert_non_null(rig->testbed);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	usb_free(rig->usb);
	usb_testbed_free(rig->testbed);
	loop_free(rig->loop);
	free(rig);
	return 0;
}

static void begin(struct rig *rig)
{
	assert_int_equal(usb_new(rig->loop, keep_event, &rig->events, &rig->usb), 0);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, 0);
}

static void plug(struct rig *rig, const char *port, uint16_t product_id, const char *serial)
{
	assert_true(usb_testbed_add(rig->testbed, port, APPLE, product_id, serial) > 0);
}

static bool has_events(void *user)
{
	struct rig *rig = user;

	return rig->events.count >= rig->want;
}

static void expect_events(struct rig *rig, size_t count)
{
	rig->want = count;
	assert_true(wait_until(rig->loop, has_events, rig));
	assert_int_equal(rig->events.count, count);
}

static const struct event *attach_at(const struct kept_events *events, const char *port)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct event *event = &events->list[i].event;

		if (event->kind == EVENT_ATTACH && text_equal(event->port, port))
			return event;
	}
	fail_msg("no attach at %s", port);
	return NULL;
}

static void there_at_start(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	plug(rig, "1-2.3", 0x12a8, USB_SERIAL);
	plug(rig, "3-1", 0x1281, BOOT_SERIAL("8030", "06"));
	plug(rig, "1-4", 0x024f, "F0T94920NG9JKH6AE");
	assert_true(usb_testbed_add(rig->testbed, "2-1", 0x18d1, 0x12a8, USB_SERIAL) > 0);
	begin(rig);
	/* The source, two attaches, and the identity of the one in recovery. */
	assert_int_equal(rig->events.count, 4);

	event = attach_at(&rig->events, "1-2.3");
	assert_int_equal(event->source, SOURCE_USB);
	assert_int_equal(event->mode, MODE_NORMAL_OR_RESTORE);
	assert_string_equal(event->udid, UDID);
	assert_true(event->ecid == ECID);
	assert_int_equal(event->speed_mbps, 480);
	assert_int_equal(event->hub_depth, 1);
	assert_int_equal(event->text_length, 0);

	event = attach_at(&rig->events, "3-1");
	assert_int_equal(event->mode, MODE_RECOVERY);
	assert_string_equal(event->text, "IBFL:3D SRNM");
	assert_true(event->ecid == ECID);
	assert_string_equal(event->udid, "");
	assert_string_equal(event->product, "iPhone12,3");
	assert_int_equal(event->hub_depth, 0);

	event = nth_event(&rig->events, EVENT_IDENTITY, 0);
	assert_string_equal(event->name, "iPhone12,3");
	assert_string_equal(event->text, "d421ap");
}

/* One phone goes through the modes of a restore at one port; each removal has the values of its
 * attach. */
static void through_the_modes(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	plug(rig, "1-2", 0x1227, BOOT_SERIAL("8015", "06"));
	expect_events(rig, 3);
	event = nth_event(&rig->events, EVENT_ATTACH, 0);
	assert_int_equal(event->mode, MODE_DFU);
	assert_string_equal(event->product, "iPhone10,3");

	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	expect_events(rig, 4);
	event = nth_event(&rig->events, EVENT_DETACH, 0);
	assert_int_equal(event->mode, MODE_DFU);
	assert_true(event->ecid == ECID);
	assert_string_equal(event->port, "1-2");
	assert_string_equal(event->product, "iPhone10,3");

	plug(rig, "1-2", 0x1281, BOOT_SERIAL("8015", "06"));
	expect_events(rig, 6);
	assert_int_equal(nth_event(&rig->events, EVENT_ATTACH, 1)->mode, MODE_RECOVERY);
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	expect_events(rig, 7);
	plug(rig, "1-2", 0x12a8, USB_SERIAL);
	expect_events(rig, 8);
	event = nth_event(&rig->events, EVENT_ATTACH, 2);
	assert_int_equal(event->mode, MODE_NORMAL_OR_RESTORE);
	assert_true(event->ecid == ECID);
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	expect_events(rig, 9);
	assert_string_equal(nth_event(&rig->events, EVENT_DETACH, 2)->udid, UDID);
}

/* A phone leaves and returns before the loop runs: still two devices, in order. */
static void remove_and_add_at_once(void **state)
{
	struct rig *rig = *state;

	plug(rig, "1-2", 0x12a8, USB_SERIAL);
	begin(rig);
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	plug(rig, "1-2", 0x12a8, USB_SERIAL);
	expect_events(rig, 4);
	assert_int_equal(rig->events.list[1].event.kind, EVENT_ATTACH);
	assert_int_equal(rig->events.list[2].event.kind, EVENT_DETACH);
	assert_int_equal(rig->events.list[3].event.kind, EVENT_ATTACH);
}

/* The next phone is at the port before the uevent of the first is read. */
static void another_phone_at_the_port(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	plug(rig, "1-2", 0x1281, BOOT_SERIAL("8015", "06"));
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	plug(rig, "1-2", 0x12a8, "000080300000000000000001");
	/* The source, attach with identity, detach, attach. */
	expect_events(rig, 5);
	event = nth_event(&rig->events, EVENT_ATTACH, 0);
	assert_int_equal(event->mode, MODE_RECOVERY);
	assert_true(event->ecid == ECID);
	assert_string_equal(event->product, "iPhone10,3");
	assert_true(nth_event(&rig->events, EVENT_ATTACH, 1)->ecid == 1);
}

static void other_uevents_tell_nothing(void **state)
{
	struct rig *rig = *state;

	plug(rig, "1-2", 0x12a8, USB_SERIAL);
	begin(rig);
	usb_testbed_uevent(rig->testbed, "1-2", "add");
	usb_testbed_uevent(rig->testbed, "1-2", "change");
	usb_testbed_uevent(rig->testbed, "1-2", "bind");
	usb_testbed_uevent(rig->testbed, "1-2", "unbind");
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
	expect_events(rig, 3);
	assert_int_equal(rig->events.list[2].event.kind, EVENT_DETACH);
}

/* udev restarts: one removal is lost, and all devices that are there are added once more. */
static void udev_restarts(void **state)
{
	struct rig *rig = *state;

	plug(rig, "1-2", 0x1281, BOOT_SERIAL("8015", "06"));
	plug(rig, "1-3", 0x12a8, USB_SERIAL);
	begin(rig);
	/* The source, two attaches, one identity. */
	expect_events(rig, 4);
	assert_int_equal(usb_testbed_remove_unseen(rig->testbed, "1-2"), 0);
	plug(rig, "1-2", 0x12a8, "000080300000000000000001");
	assert_int_equal(usb_testbed_uevent(rig->testbed, "1-2", "add"), 0);
	assert_int_equal(usb_testbed_uevent(rig->testbed, "1-3", "add"), 0);
	assert_int_equal(usb_testbed_remove(rig->testbed, "1-3"), 0);
	expect_events(rig, 7);
	assert_true(nth_event(&rig->events, EVENT_DETACH, 0)->ecid == ECID);
	assert_true(nth_event(&rig->events, EVENT_ATTACH, 2)->ecid == 1);
	assert_string_equal(nth_event(&rig->events, EVENT_DETACH, 1)->port, "1-3");
}

static void odd_serials(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	plug(rig, "1-1", 0x12a8, "\xff\xfe[\xc3(");
	plug(rig, "1-2", 0x1281, NULL);
	expect_events(rig, 3);
	event = attach_at(&rig->events, "1-1");
	assert_string_equal(event->udid, "");
	assert_int_equal(event->mode, MODE_NORMAL_OR_RESTORE);
	assert_int_equal(attach_at(&rig->events, "1-2")->mode, MODE_RECOVERY);
}

static void place_by_location(void **state)
{
	struct rig *rig = *state;
	struct usb_place place = {.port = "untouched"};
	int address;

	begin(rig);
	address = usb_testbed_add(rig->testbed, "3-1.4.2", APPLE, 0x12a8, USB_SERIAL);
	assert_true(address > 0);
	expect_events(rig, 2);
	assert_false(usb_find_place(rig->usb, 1, (uint32_t)address, &place));
	assert_string_equal(place.port, "untouched");
	assert_true(usb_find_place(rig->usb, 3, (uint32_t)address, &place));
	assert_string_equal(place.port, "3-1.4.2");
	assert_int_equal(place.speed_mbps, 480);
	assert_int_equal(place.hub_depth, 2);
	assert_int_equal(usb_testbed_remove(rig->testbed, "3-1.4.2"), 0);
	expect_events(rig, 3);
	assert_false(usb_find_place(rig->usb, 3, (uint32_t)address, &place));
}

static void many_rounds_leak_nothing(void **state)
{
	struct rig *rig = *state;
	size_t descriptors;

	begin(rig);
	descriptors = count_descriptors();
	for (size_t i = 1; i <= ROUNDS; i++) {
		plug(rig, "1-2", 0x12a8, USB_SERIAL);
		assert_int_equal(usb_testbed_remove(rig->testbed, "1-2"), 0);
		/* Sysfs is already empty: only the uevent has the data. */
		expect_events(rig, 1 + i * 2);
	}
	assert_int_equal(count_descriptors(), descriptors);
	assert_int_equal(count_events(&rig->events, EVENT_ATTACH), ROUNDS);
	assert_int_equal(count_events(&rig->events, EVENT_DETACH), ROUNDS);
	for (size_t i = 0; i < ROUNDS; i++)
		assert_string_equal(nth_event(&rig->events, EVENT_ATTACH, i)->udid, UDID);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(there_at_start),
		RIG_TEST(through_the_modes),
		RIG_TEST(remove_and_add_at_once),
		RIG_TEST(another_phone_at_the_port),
		RIG_TEST(other_uevents_tell_nothing),
		RIG_TEST(udev_restarts),
		RIG_TEST(odd_serials),
		RIG_TEST(place_by_location),
		RIG_TEST(many_rounds_leak_nothing),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("usb", tests, NULL, NULL);
}
