/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/link_log.h"

#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"

static void kernel_lines(void **state)
{
	static const struct {
		const char *line, *id, *port;
		int code;
	} cases[] = {
		{"usb 1-2.3: device descriptor read/64, error -71", "descriptor-read", "1-2.3",
			-71},
		{"usb 1-2: device descriptor read/all, error -110", "descriptor-read", "1-2", -110},
		{"usb 3-1: device not accepting address 12, error -71", "address-refused", "3-1",
			-71},
		{"usb 1-1: Device not responding to setup address.", "address-refused", "1-1", 0},
		{"usb usb1-port2: unable to enumerate USB device", "enumeration-failed", "1-2", 0},
		{"usb 1-2-port3: Cannot enable. Maybe the USB cable is bad?", "port-not-enabled",
			"1-2.3", 0},
		{"usb 1-2-port3: cannot reset (err = -32)", "port-not-enabled", "1-2.3", -32},
		{"usb 1-2-port4: disabled by hub (EMI?), re-enabling...", "port-disturbed", "1-2.4",
			0},
		{"usb usb2-port1: over-current change #3", "over-current", "2-1", 0},
		{"usb 1-4: string descriptor 0 read error: -71", "configuration-failed", "1-4",
			-71},
		{"usb 1-4: usbfs: USBDEVFS_CONTROL failed cmd irecovery rqt 161 rq 3 len 6 ret "
		 "-110",
			"transfer-failed", "1-4", -110},
		{"xhci_hcd 0000:00:14.0: xHCI host controller not responding, assume dead",
			"host-controller-died", "", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct link_finding finding;

		assert_true(link_pattern_read(LINK_KERNEL, cases[i].line, &finding));
		assert_string_equal(finding.sign->id, cases[i].id);
		assert_string_equal(finding.port, cases[i].port);
		assert_int_equal(finding.code, cases[i].code);
	}
}

static void lines_that_say_nothing(void **state)
{
	static const char *const lines[] = {
		"", "usb 1-2: USB disconnect, device number 7",
		"usb 1-2: new high-speed USB device number 8 using xhci_hcd",
		"usb 1-2: device descriptor read/64, error -19",
		"usb 1-4: usbfs: USBDEVFS_CONTROL failed cmd irecovery rqt 161 rq 3 len 6 ret -32",
		/* The phone chose these texts. */
		"usb 1-2: Product: device descriptor read/64, error -71",
		"usb 1-2: SerialNumber: x over-current condition",
		"device descriptor read", /* not the whole text */
	};
	struct link_finding finding = {.code = 77};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(link_pattern_read(LINK_KERNEL, lines[i], &finding));
	assert_int_equal(finding.code, 77);
	/* One writer's text from another. */
	assert_false(link_pattern_read(
		LINK_USBMUXD, "usb 1-2.3: device descriptor read/64, error -71", &finding));
}

static void usbmuxd_lines(void **state)
{
	struct link_finding finding;

	assert_true(link_pattern_read(
		LINK_USBMUXD, "[12:00:01.123][1] RX transfer timed out for device 1-7", &finding));
	assert_string_equal(finding.sign->id, "usbmuxd-transfer");
	assert_int_equal(finding.sign->kind, EVENT_USB_ERROR);
	assert_int_equal(finding.bus, 1);
	assert_int_equal(finding.address, 7);

	assert_true(link_pattern_read(LINK_USBMUXD,
		"[12:00:01.123][1] preflight_worker_handle_device_add: ERROR: Could not connect "
		"to lockdownd on device 00008030-001C2D6A3C8A802E, lockdown error -8",
		&finding));
	assert_string_equal(finding.sign->id, "usbmuxd-preflight-failed");
	assert_int_equal(finding.sign->kind, EVENT_MUX_ERROR);
	assert_int_equal(finding.code, -8);
	assert_int_equal(finding.bus, 0);
	assert_string_equal(finding.udid, "00008030-001C2D6A3C8A802E");

	/* The phone that does not trust this computer yet is shown all the same. */
	assert_false(link_pattern_read(LINK_USBMUXD,
		"[12:00:01.123][4] preflight_worker_handle_device_add: ERROR: Could not start "
		"insecure_notification_proxy on 00008030-001C2D6A3C8A802E, lockdown error -21",
		&finding));
	assert_false(link_pattern_read(LINK_USBMUXD,
		"[12:00:01.123][1] Device 1: ERROR (on device): LIBUSB_ERROR_BUSY", &finding));
	assert_true(link_pattern_read(LINK_MANAGER,
		"usbmuxd.service: Main process exited, code=dumped, status=11/SEGV", &finding));
	assert_string_equal(finding.sign->id, "usbmuxd-crashed");
}

/* Lines of newer versions, which are no event: their reasons stand in linksigns.txt. */
static void usbmuxd_lines_that_are_noise(void **state)
{
	static const char *const lines[] = {
		/* The words of the phone may be anything. */
		"[12:00:01.123][1] Device 3: ERROR: RX transfer timed out for device 1-7",
		"[12:00:01.123][2] Device 3: WARNING: bind() failed",
		"[12:00:01.123][2] device_control_input: Device 3: Got unhandled payload type 9: "
		"main_loop failed",
		/* It shows the phone without its version. */
		"[12:00:01.123][2] preflight_worker_handle_device_add: Could not get "
		"ProductVersion "
		"from device 00008030-001C2D6A3C8A802E, lockdown error -8",
		"[12:00:01.123][1] Client 11 message is too short (3 bytes)",
		"[12:00:01.123][1] Another instance is already running (pid 71). exiting.",
	};
	struct link_finding finding;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_false(link_pattern_read(LINK_USBMUXD, lines[i], &finding));
		assert_true(link_line_is_noise(LINK_USBMUXD, lines[i]));
	}
	/* The phone had left: no fault of the link, and nothing else either. */
	assert_false(link_pattern_read(LINK_USBMUXD,
		"[12:00:01.123][1] Failed to submit RX transfer to device 1-7: "
		"LIBUSB_ERROR_NO_DEVICE",
		&finding));
	assert_true(link_pattern_read(LINK_USBMUXD,
		"[12:00:01.123][1] Failed to submit RX transfer to device 1-7: LIBUSB_ERROR_IO",
		&finding));
	assert_false(link_line_is_noise(LINK_USBMUXD, "[12:00:01.123][3] Connected to v2.0"));
	assert_true(link_pattern_read(
		LINK_USBMUXD, "[12:00:01.123][0] bind() failed: Permission denied", &finding));
	assert_string_equal(finding.sign->id, "usbmuxd-failed");
	assert_int_equal(finding.sign->kind, EVENT_MUX_ERROR);
}

/* The lines of the race as Debian 12's usbmuxd wrote them, and of an orderly end. */
static void usbmuxd_leaves_a_phone(void **state)
{
	static const struct {
		const char *line;
		bool left;
	} cases[] = {
		{"[10:00:00.000][3] usbmuxd v1.1.1 starting up", false},
		{"[10:00:00.100][3] Connecting to new device on location 0x10002 as ID 1", false},
		{"[10:00:00.200][3] Connected to v2.0 device 1 on location 0x10002 with serial "
		 "number 00008030-001C2D6A3C8A802E",
			false},
		{"[10:00:01.000][3] Removed device 1 on location 0x10002", false},
		{"[10:00:01.030][3] Connecting to new device on location 0x10003 as ID 2", false},
		{"[10:00:01.040][3] usbmuxd shutting down", true},
		{"[10:00:01.050][3] Removed device 2 on location 0x10003", false},
		{"[10:00:02.000][3] usbmuxd v1.1.1 starting up", false},
		{"[10:00:02.100][3] Connecting to new device on location 0x10004 as ID 1", false},
		{"[10:00:03.000][3] Removed device 1 on location 0x10004", false},
		{"[10:00:03.040][3] usbmuxd shutting down", false},
	};
	struct mux_watch watch = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct link_pattern *sign = mux_watch_line(&watch, cases[i].line);

		assert_int_equal(sign != NULL, cases[i].left);
		if (sign)
			assert_string_equal(sign->id, "usbmuxd-left-phone");
	}
}

static void clients_of_usbmuxd(void **state)
{
	static const struct {
		const char *line, *name; /* NULL = no such line */
		uint32_t process;
	} cases[] = {
		{"[10:00:01.040][4] Client 11 accepted: idevicerestore[2254]", "idevicerestore",
			2254},
		{"Client 9 accepted: a [b] c[7]", "a [b] c", 7},
		{"Client 9 accepted: tracker-miner-f[70000]", "tracker-miner-f", 70000},
		{"[10:00:01.040][4] Client 11 connection closed", NULL, 0},
		{"Client 9 accepted: [7]", NULL, 0},
		{"Client 9 accepted: x", NULL, 0},
		{"Client 9 accepted: x[7] y", NULL, 0},
		{"Client x accepted: y[7]", NULL, 0},
		/* The phone's words. */
		{"device_control_input: ERROR (on device): Client 9 accepted: x[7]", NULL, 0},
		{"", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[NAME_SIZE] = "";
		uint32_t process = 0;

		assert_int_equal(
			mux_client_read(cases[i].line, name, &process), cases[i].name != NULL);
		assert_string_equal(name, cases[i].name ? cases[i].name : "");
		assert_int_equal(process, cases[i].process);
	}
}

static void ports_of_lines(void **state)
{
	static const char *const none[] = {
		"usb : x",
		"usb usb1: x",
		"usb 1: x",
		"usb x-1: x",
		"usb 1-2-port: x",
		"usb usb1-portx: x",
		"usb usb1-port2x: x",
		"usb 1-2",
		"usbfs: 1-2: x",
		"usb 1-1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1: x",
		"usb 1-1.1.1.1.1.1.1.1.1.1.1.1.1-port111: x",
	};
	char port[PORT_SIZE] = "untouched";

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(kernel_line_port(none[i], port));
	assert_string_equal(port, "untouched");
}

static void kernel_devices(void **state)
{
	uint32_t bus, address;
	char port[PORT_SIZE];

	assert_true(kernel_device_read("+usb:1-2.3", port, &bus, &address));
	assert_string_equal(port, "1-2.3");
	assert_int_equal(bus, 0);
	assert_true(kernel_device_read("+usb:1-2.3:1.0", port, &bus, &address));
	assert_string_equal(port, "1-2.3");
	assert_true(kernel_device_read("c189:130", port, &bus, &address));
	assert_string_equal(port, "");
	assert_int_equal(bus, 2);
	assert_int_equal(address, 3);
	assert_false(kernel_device_read("+pci:0000:00:14.0", port, &bus, &address));
	assert_false(kernel_device_read("b8:1", port, &bus, &address));
	assert_false(kernel_device_read("+usb:", port, &bus, &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_lines),
		cmocka_unit_test(lines_that_say_nothing),
		cmocka_unit_test(usbmuxd_lines),
		cmocka_unit_test(usbmuxd_lines_that_are_noise),
		cmocka_unit_test(usbmuxd_leaves_a_phone),
		cmocka_unit_test(clients_of_usbmuxd),
		cmocka_unit_test(ports_of_lines),
		cmocka_unit_test(kernel_devices),
	};

	return cmocka_run_group_tests_name("linksign", tests, NULL, NULL);
}
