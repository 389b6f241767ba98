/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader on a pipe with a name in place of trace_pipe, and a folder in place of sysfs. */
#include "link/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define ERRORS_MAX 64

struct rig {
	char folder[32];
	char pipe[64], devices[64];
	struct loop *loop;
	struct trace *trace;
	int kernel;
	size_t count;
	char ports[ERRORS_MAX][PORT_SIZE];
	int failure;
};

static void make(const struct rig *rig, const char *name, const char *value)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && mkdir -p \"$(dirname %s)\" && echo '%s' >%s",
		rig->folder, name, value, name);
	assert_int_equal(system(command), 0);
}

/* A controller with the root hub of bus 1 has the name of its driver. */
static void add_controller(const struct rig *rig, const char *address, int bus, const char *product)
{
	char name[128], target[128];

	snprintf(name, sizeof(name), "pci/%s/usb%d/product", address, bus);
	make(rig, name, product);
	snprintf(name, sizeof(name), "%s/usb%d", rig->devices, bus);
	snprintf(target, sizeof(target), "../pci/%s/usb%d", address, bus);
	assert_int_equal(symlink(target, name), 0);
}

static void add_device(
	const struct rig *rig, const char *port, const char *speed, const char *endpoint)
{
	char name[128];

	snprintf(name, sizeof(name), "devices/%s/speed", port);
	make(rig, name, speed);
	snprintf(name, sizeof(name), "devices/%s/%s:1.1/ep_%s/type", port, port, endpoint);
	make(rig, name, "Bulk");
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	strcpy(rig->folder, "/tmp/test-trace-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->pipe, sizeof(rig->pipe), "%s/pipe", rig->folder);
	snprintf(rig->devices, sizeof(rig->devices), "%s/devices", rig->folder);
	assert_int_equal(mkfifo(rig->pipe, 0600), 0);
	assert_int_equal(mkdir(rig->devices, 0700), 0);
	assert_int_equal(loop_new(&rig->loop), 0);
	/* Both ends, so that there is no end of file before the test wants one. */
	rig->kernel = open(rig->pipe, O_RDWR | O_CLOEXEC);
	assert_true(rig->kernel >= 0);
	add_controller(rig, "0000:00:14.0", 1, "xHCI Host Controller");
	add_controller(rig, "0000:00:1d.0", 3, "EHCI Host Controller");
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	char command[64];

	trace_free(rig->trace);
	closep(&rig->kernel);
	loop_free(rig->loop);
	snprintf(command, sizeof(command), "rm -r %s", rig->folder);
	assert_int_equal(system(command), 0);
	free(rig);
	return 0;
}

static void on_error(void *user, const char *port)
{
	struct rig *rig = user;

	assert_true(rig->count < ERRORS_MAX);
	snprintf(rig->ports[rig->count++], PORT_SIZE, "%s", port);
}

static void on_failed(void *user, int error)
{
	struct rig *rig = user;

	assert_int_equal(rig->failure, 0);
	rig->failure = error;
}

static int begin(struct rig *rig)
{
	const struct trace_options options = {rig->pipe, rig->devices, on_error, on_failed, rig};

	return trace_new(rig->loop, &options, &rig->trace);
}

/* Everything is read and handled when the pipe is empty, for the reader handles what it reads. */
static bool is_drained(void *user)
{
	struct rig *rig = user;
	int bytes = 0;

	assert_int_equal(ioctl(rig->kernel, FIONREAD, &bytes), 0);
	return bytes == 0;
}

PRINTF_LIKE(2, 3)
static void put(struct rig *rig, const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	assert_int_equal(write(rig->kernel, line, (size_t)length), length);
}

static void put_device(struct rig *rig, int slot, int port, int level, int speed)
{
	put(rig,
		" kworker/0:1-12 [000] ..... 1.5: xhci_setup_addressable_virt_device: vdev 0 ctx 0 "
		"| 0 num 0 state 5 speed %d port %d level %d slot %d\n",
		speed, port, level, slot);
}

/* Of endpoint 0x85. */
static void put_error(struct rig *rig, int slot)
{
	put(rig,
		" <idle>-0 [000] d.h1. 1.6: xhci_handle_event: EVENT: TRB 0 status 'USB "
		"Transaction "
		"Error' len 512 slot %d ep 11 type 'Transfer Event' flags e:c\n",
		slot);
}

static void settle(struct rig *rig)
{
	assert_true(wait_until(rig->loop, is_drained, rig));
}

static void assert_ports(struct rig *rig, size_t count, const char *port)
{
	settle(rig);
	assert_int_equal(rig->count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(rig->ports[i], port);
}

/* Port, level and speed tell two phones apart; one slot number is used again. */
static void test_slots(void **state)
{
	struct rig *rig = *state;

	add_device(rig, "1-2", "480", "85");
	add_device(rig, "1-1.2", "480", "85");
	add_device(rig, "1-2.1", "480", "81");
	assert_int_equal(begin(rig), 0);
	assert_false(trace_is_ambiguous(rig->trace));
	put_device(rig, 3, 2, 1, 3);
	put_device(rig, 4, 2, 2, 3);
	put_error(rig, 3);
	assert_ports(rig, 1, "1-2");
	put_device(rig, 3, 2, 2, 3);
	put_error(rig, 3);
	settle(rig);
	assert_int_equal(rig->count, 2);
	assert_string_equal(rig->ports[1], "1-1.2");
}

/* Nothing is said where another device may have had the error. */
static void test_doubt(void **state)
{
	struct rig *rig = *state;

	add_device(rig, "1-1.2", "480", "85");
	add_device(rig, "1-3.2", "480", "85");
	assert_int_equal(begin(rig), 0);
	put_device(rig, 3, 2, 2, 3);
	put_error(rig, 3);	     /* both fit */
	put_error(rig, 9);	     /* a slot from before, and both have the endpoint */
	put_device(rig, 4, 2, 2, 2); /* another speed */
	put_error(rig, 4);
	put_device(rig, 5, 7, 1, 3); /* gone, or not in sysfs yet */
	put_error(rig, 5);
	assert_ports(rig, 0, "");
}

/* A slot from before the instance is found by its endpoint, on xHCI alone. */
static void test_from_before(void **state)
{
	struct rig *rig = *state;

	add_device(rig, "1-2", "480", "85");
	add_device(rig, "1-4", "12", "81");
	add_device(rig, "3-1", "480", "85");
	assert_int_equal(begin(rig), 0);
	put_error(rig, 3);
	assert_ports(rig, 1, "1-2");
	/* The same after the kernel has lost lines. */
	put_device(rig, 3, 9, 1, 3);
	put_error(rig, 3);
	assert_ports(rig, 1, "1-2");
	put(rig, "CPU:0 [LOST 12 EVENTS]\n");
	put_error(rig, 3);
	assert_ports(rig, 2, "1-2");
}

/* Both controllers have a slot 3. */
static void test_several_controllers(void **state)
{
	struct rig *rig = *state;

	add_controller(rig, "0000:00:14.0", 2, "xHCI Host Controller");
	assert_int_equal(begin(rig), 0);
	assert_false(trace_is_ambiguous(rig->trace));
	add_controller(rig, "0000:01:00.0", 4, "xHCI Host Controller");
	assert_true(trace_is_ambiguous(rig->trace));
	add_device(rig, "1-2", "480", "85");
	put_device(rig, 3, 5, 1, 3);
	put_error(rig, 3);
	assert_ports(rig, 1, "1-2");
	add_device(rig, "4-5", "480", "85");
	put_error(rig, 3);
	assert_ports(rig, 1, "1-2");
}

static void test_flood(void **state)
{
	struct rig *rig = *state;

	add_device(rig, "1-2", "480", "85");
	assert_int_equal(begin(rig), 0);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 100; i++)
			put_error(rig, 3);
		settle(rig);
	}
	/* The test may take longer than the second in which they count. */
	assert_in_range(rig->count, TRACE_RATE, 4 * TRACE_RATE);
}

static void test_lines(void **state)
{
	struct rig *rig = *state;
	char junk[900];

	add_device(rig, "1-2", "480", "85");
	assert_int_equal(begin(rig), 0);
	memset(junk, 'x', sizeof(junk) - 1);
	junk[sizeof(junk) - 1] = '\0';
	put(rig, "%s", junk);
	put_error(rig, 3); /* the end of the long line */
	put(rig, "\n\n");
	assert_ports(rig, 0, "");
	put(rig, "x [000] d.h1. 1.6: xhci_handle_event: EVENT: TRB 0 status 'USB Transac");
	settle(rig);
	put(rig, "tion Error' len 0 slot 3 ep 11 type 'Transfer Event'\n");
	assert_ports(rig, 1, "1-2");
}

static bool has_failed(void *user)
{
	return ((struct rig *)user)->failure != 0;
}

static void test_end(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(begin(rig), 0);
	closep(&rig->kernel);
	rig->kernel = -1;
	assert_true(wait_until(rig->loop, has_failed, rig));
	assert_int_equal(rig->failure, -ENODATA);
}

static void test_no_instance(void **state)
{
	struct rig *rig = *state;
	size_t before = count_descriptors();

	strcat(rig->pipe, "-not");
	assert_int_equal(begin(rig), -ENOENT);
	/* What is left in place of a pipe that was bound there. */
	assert_true(close(open(rig->pipe, O_CREAT | O_WRONLY, 0600)) == 0);
	assert_int_equal(begin(rig), -ENODATA);
	assert_int_equal(count_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_doubt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_from_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_several_controllers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_instance, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
