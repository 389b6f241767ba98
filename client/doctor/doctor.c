/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/doctor.h"

#include <stdarg.h>

static const struct doctor_check checks[] = {
	{"daemon", "the daemon", check_daemon},
	{"caller-group", "your group", check_caller},
	{"usb-source", "USB events", check_usb_source},
	{"journal", "the journal", check_journal},
	{"link", "USB transfers", check_link},
	{"ring", "the ring", check_ring},
	{"casebook", "the casebook", check_casebook},
	{"computer-id", "this computer's id", check_computer_id},
	{"other-benches", "other benches", check_sync},
	{"phone-program", "queries to phones", check_phone_program},
	{"disk", "disk space", check_disk},
	{"log-disk", "disk space for logs", check_log_disk},
	{"clock", "the clock", check_clock},
	{"restore-tool", "the restore tool", check_tool},
	{"usbmuxd-library", "libusbmuxd", check_mux_library},
	{"usbmuxd", "usbmuxd", check_usbmuxd},
	{"usbmuxd-version", "usbmuxd's version", check_usbmuxd_version},
	{"usbmuxd-start", "usbmuxd's start", check_usbmuxd_start},
	{"udev-rules", "udev rules", check_udev_rules},
	{"usb-power", "USB power saving", check_power},
	{"usb-speed", "USB speed", check_speed},
	{"hubs", "hubs", check_hubs},
	{"over-current", "over-current", check_over_current},
	{"usb-retry", "failed USB transfers", check_retry},
	{"port-errors", "ports that may fail", check_port_errors},
	{"usb-holders", "programs on USB", check_holders},
	{"mux-clients", "programs on usbmuxd", check_mux_clients},
};

void doctor_say(struct doctor *doctor, enum finding_result result, const char *advice,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	findings_add(&doctor->findings, doctor->check->id, doctor->check->title, result, advice,
		format, arguments);
	va_end(arguments);
}

struct json_object *doctor_run(struct doctor *doctor)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor->check = &checks[i];
		checks[i].run(doctor);
	}
	return findings_finish(&doctor->findings);
}
