/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The adapter on a pipe with a name: one write is one record, as long as each is waited for. */
#include "daemon/sources/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

static char folder[] = "/tmp/test-kmsg-XXXXXX";
static char path[sizeof(folder) + 16];

struct rig {
	struct loop *loop;
	struct kept_events events;
	struct kmsg *kmsg;
	int kernel;
	size_t want;
};

static bool find_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	if (bus != 2 || address != 3)
		return false;
	*ret = (struct usb_place){.port = "2-1.4"};
	return true;
}

static void begin(struct rig *rig)
{
	const struct kmsg_options options = {.path = path, .find_place = find_place};

	assert_int_equal(kmsg_new(rig->loop, &options, keep_event, &rig->events, &rig->kmsg), 0);
	assert_int_equal(rig->events.count, 1);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(loop_new(&rig->loop), 0);
	/* Both ends, so that there is no end of file before the test wants one. */
	rig->kernel = open(path, O_RDWR | O_CLOEXEC);
	assert_true(rig->kernel >= 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	kmsg_free(rig->kmsg);
	closep(&rig->kernel);
	loop_free(rig->loop);
	free(rig);
	return 0;
}

static bool is_drained(void *user)
{
	struct rig *rig = user;
	int left = 0;

	assert_int_equal(ioctl(rig->kernel, FIONREAD, &left), 0);
	return left == 0;
}

static void record(struct rig *rig, const char *text)
{
	assert_int_equal(write(rig->kernel, text, strlen(text)), strlen(text));
	assert_true(wait_until(rig->loop, is_drained, rig));
}

static void kernel_errors(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	record(rig, "3,812,5000000,-;usb 1-2.3: device descriptor read/64, error -71\n"
		    " SUBSYSTEM=usb\n DEVICE=+usb:1-2.3\n");
	record(rig, "4,813,5000001,-;xhci_hcd 0000:00:14.0: WARN Event TRB for slot 1 ep 2 with no "
		    "TDs queued\n SUBSYSTEM=usb\n DEVICE=c189:130\n");
	assert_int_equal(rig->events.count, 3);
	event = &rig->events.list[1].event;
	assert_int_equal(event->kind, EVENT_USB_ERROR);
	assert_int_equal(event->source, SOURCE_KERNEL);
	assert_string_equal(event->port, "1-2.3");
	assert_int_equal(event->code, -71);
	assert_string_equal(event->name, "descriptor-read");
	assert_true(event->at.monotonic_us == 5000000);
	assert_string_equal(event->text, "usb 1-2.3: device descriptor read/64, error -71");
	assert_string_equal(rig->events.list[2].event.port, "2-1.4");
}

static void other_records(void **state)
{
	static const char *const records[] = {
		"6,1,5,-;usb 1-2: USB disconnect, device number 7\n",
		/* Facility 1: a program wrote it. */
		"11,2,5,-;usb 1-2: device descriptor read/64, error -71\n",
		"3,3,5,-;usb 1-2: Product: over-current condition\n",
		"3,4,5,-",
		";",
		"x,y,z,-;usb 1-2: device descriptor read/64, error -71\n",
		"3,4,5,-;ok\n TEXT=;usb 1-2: device descriptor read/64, error -71\n",
	};
	struct rig *rig = *state;

	begin(rig);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		record(rig, records[i]);
	assert_int_equal(rig->events.count, 1);
}

/* The kernel overwrote records before they were read. */
static void lost_records(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	begin(rig);
	record(rig, "6,900,5,-;usb 1-2: USB disconnect, device number 7\n");
	record(rig, "11,901,5,-;a program's line\n");
	assert_int_equal(rig->events.count, 1);
	record(rig, "6,1000,5,-;usb 1-2: USB disconnect, device number 8\n");
	assert_int_equal(rig->events.count, 2);
	event = nth_event(&rig->events, EVENT_SOURCE, 1);
	assert_int_equal(event->code, 0);
	assert_string_equal(event->text, "reading, without usbmuxd's lines; 98 lines were lost");
	record(rig, "6,1001,5,-;usb 1-2: USB disconnect, device number 9\n");
	assert_int_equal(rig->events.count, 2);
}

static void no_right_to_read(void **state)
{
	struct rig *rig = *state;
	const struct event *event;

	unlink(path);
	begin(rig);
	event = nth_event(&rig->events, EVENT_SOURCE, 0);
	assert_int_equal(event->code, -ENOENT);
	assert_string_equal(event->name, "kmsg");
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(kernel_errors),
		RIG_TEST(other_records),
		RIG_TEST(lost_records),
		RIG_TEST(no_right_to_read),
	};
	int r;

	log_set_level(LOG_LEVEL_ERROR);
	assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/kmsg", folder);
	r = cmocka_run_group_tests_name("kmsg", tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return r;
}
