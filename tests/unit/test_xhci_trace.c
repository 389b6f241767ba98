/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "common/link/xhci_trace.h"

#define HEAD "          <idle>-0       [000] d.h1.   123.456789: "
#define ERROR                                                                                      \
	HEAD "xhci_handle_event: EVENT: TRB 0000000004c1a010 status 'USB Transaction Error' "      \
	     "len 512 slot 3 ep 11 type 'Transfer Event' flags e:c\n"
#define DEVICE                                                                                     \
	HEAD "xhci_setup_addressable_virt_device: vdev (____ptrval____) ctx 4c1a000 | 4c1b000 "    \
	     "num 0 state 5 speed 3 port 2 level 1 slot 3\n"

static void test_error(void **state)
{
	struct xhci_trace trace = xhci_trace_read(ERROR);

	(void)state;
	assert_int_equal(trace.kind, XHCI_TRACE_ERROR);
	assert_int_equal(trace.slot, 3);
	assert_int_equal(trace.endpoint, 0x85);
}

static void test_device(void **state)
{
	struct xhci_trace trace = xhci_trace_read(DEVICE);

	(void)state;
	assert_int_equal(trace.kind, XHCI_TRACE_DEVICE);
	assert_int_equal(trace.slot, 3);
	assert_int_equal(trace.speed, 3);
	assert_int_equal(trace.port, 2);
	assert_int_equal(trace.level, 1);
}

static void test_lost(void **state)
{
	(void)state;
	assert_int_equal(xhci_trace_read("CPU:0 [LOST 12 EVENTS]\n").kind, XHCI_TRACE_LOST);
}

static void test_others(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		": xhci_handle_event: ",
		": xhci_setup_addressable_virt_device: \n",
		/* another completion code, endpoint 0, numbers that cannot be */
		HEAD
		"xhci_handle_event: EVENT: TRB 0 status 'Success' len 0 slot 3 ep 11 type 'x'\n",
		HEAD
		"xhci_handle_event: TRB 0 status 'USB Transaction Error' len 0 slot 3 ep 1 t\n",
		HEAD
		"xhci_handle_event: TRB 0 status 'USB Transaction Error' len 0 slot 3 ep 32 t\n",
		HEAD
		"xhci_handle_event: TRB 0 status 'USB Transaction Error' len 0 slot 0 ep 3 t\n",
		HEAD
		"xhci_handle_event: TRB 0 status 'USB Transaction Error' len 0 slot -1 ep 3 t\n",
		HEAD "xhci_handle_event: TRB 0 status 'USB Transaction Error' len 0 "
		     "slot 99999999999999999999 ep 3 t\n",
		HEAD "xhci_setup_addressable_virt_device: speed 7 port 2 level 1 slot 3\n",
		/* a process that calls itself so */
		("xhci_handle_eve-12 [000] d.h1. 1.0: sched_switch: status "
		 "'USB Transaction Error' slot 3 ep 3 t\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(xhci_trace_read(lines[i]).kind, XHCI_TRACE_OTHER);
}

/* A cut line has no number that is not the whole line's. */
static void test_cut(void **state)
{
	static const char *const lines[] = {ERROR, DEVICE};
	char part[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct xhci_trace whole = xhci_trace_read(lines[i]);

		for (size_t length = 0; length < strlen(lines[i]); length++) {
			struct xhci_trace trace;

			snprintf(part, sizeof(part), "%.*s", (int)length, lines[i]);
			trace = xhci_trace_read(part);
			if (trace.kind != XHCI_TRACE_OTHER)
				assert_memory_equal(&trace, &whole, sizeof(whole));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
