/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define SENTENCE_SIZE 1024 /* bytes of one finding; longer ones are truncated */

static const struct doctor_check checks[] = {
	{"daemon", "the daemon", check_daemon},
	{"caller-group", "your group", check_caller},
	{"usb-source", "USB events", check_usb_source},
	{"journal", "the journal", check_journal},
	{"link", "USB transfers", check_link},
	{"ring", "the ring", check_ring},
	{"casebook", "the casebook", check_casebook},
	{"computer-id", "this computer's id", check_computer_id},
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

/* The word in the output: ok, not-checkable, warning or problem. */
static const char *doctor_result_name(enum doctor_result result)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_UNKNOWN] = "not-checkable",
		[DOCTOR_WARNING] = "warning",
		[DOCTOR_PROBLEM] = "problem",
	};

	assert((size_t)result < ARRAY_SIZE(names));
	return names[result];
}

void doctor_say(struct doctor *doctor, enum doctor_result result, const char *advice,
	const char *format, ...)
{
	struct json_object *finding = json_new_object(&doctor->builder);
	char raw[SENTENCE_SIZE], text[SENTENCE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	text_clean(raw, strlen(raw), text, sizeof(text));
	json_put_text(&doctor->builder, finding, "check", doctor->check->id);
	json_put_text(&doctor->builder, finding, "title", doctor->check->title);
	json_put_text(&doctor->builder, finding, "result", doctor_result_name(result));
	json_put_text(&doctor->builder, finding, "text", text);
	json_put_known_text(&doctor->builder, finding, "advice", advice ? advice : "");
	json_add(&doctor->builder, doctor->findings, finding);
	doctor->counts[result]++;
}

struct json_object *doctor_run(struct doctor *doctor)
{
	struct json_builder *builder = &doctor->builder;
	struct json_object *all = json_new_object(builder);

	doctor->findings = json_new_array(builder);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor->check = &checks[i];
		checks[i].run(doctor);
	}
	json_put(builder, all, "checks", doctor->findings);
	json_put_number(builder, all, "problems", (int64_t)doctor->counts[DOCTOR_PROBLEM]);
	json_put_number(builder, all, "warnings", (int64_t)doctor->counts[DOCTOR_WARNING]);
	json_put_number(builder, all, "notCheckable", (int64_t)doctor->counts[DOCTOR_UNKNOWN]);
	return json_finish(builder, all);
}
