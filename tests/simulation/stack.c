/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/simulation/stack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/logs/link_log.h"
#include "common/model/operation.h"

#define EXIT_FAILED 255
#define EXIT_STOPPED -2 /* SIGINT */
#define EXIT_CRASHED -11
#define RESTORE_MODE_LIMIT_MS 300000 /* how long idevicerestore waits for it */
#define HANG_MS 240000		     /* until the technician stops a tool */

/* The operations of a restore, in their order. */
static const uint32_t operations[] = {
	44, 28, 58, 11, 12, 13, 14, 16, 17, 18, 36, 39, 47, 19, 50, 55, 20};

static const char *const tool_versions[] = {"1.0.0-150-gbb5591d", "1.0.0-270-g405fcd1"};
static const struct {
	const char *version, *build;
} firmwares[] = {{"18.5", "22F76"}, {"18.6", "22G86"}, {"18.6.1", "22G90"}};

/* Addresses of usbmuxd's endpoints. */
#define BULK_OUT 0x04
#define BULK_IN 0x85

/* The restore so far. */
struct stage {
	struct course *course;
	struct dice *dice;
	uint64_t now_us;
	bool on_usb;
	bool on_mux;
};

/* At least `ms` milliseconds pass, and up to half as many more. */
static void pass(struct stage *stage, unsigned ms)
{
	stage->now_us += (ms + dice_roll(stage->dice, ms / 2 + 1)) * USEC_PER_MSEC;
}

static struct message *add(struct stage *stage, enum message_kind kind, const char *text)
{
	struct course *course = stage->course;
	struct message *message = &course->messages[course->count++];

	assert(course->count <= COURSE_MESSAGES_MAX);
	*message = (struct message){.at_us = stage->now_us, .kind = kind};
	text_copy(message->text, sizeof(message->text), text);
	return message;
}

static void log_line(struct stage *stage, const char *format, ...) PRINTF_LIKE(2, 3);
static void log_line(struct stage *stage, const char *format, ...)
{
	char text[MESSAGE_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pass(stage, 50);
	if (stage->course->has_run)
		add(stage, MESSAGE_LOG, text);
}

static struct event *add_event(
	struct stage *stage, enum event_kind kind, enum event_source source, const char *text)
{
	struct event *event = &add(stage, MESSAGE_EVENT, text)->event;

	event->kind = kind;
	event->source = source;
	text_copy(event->port, sizeof(event->port), stage->course->port);
	return event;
}

static void end_tool(struct stage *stage, int64_t status)
{
	pass(stage, 300);
	if (stage->course->has_run)
		add(stage, MESSAGE_END, "")->event.code = status;
}

/* What idevicetriage-link reports, where it runs. */
static void bus_event(
	struct stage *stage, enum event_kind kind, int64_t code, uint32_t number, uint32_t flag)
{
	struct event *event;

	if (!stage->course->watches_bus)
		return;
	event = add_event(stage, kind, SOURCE_LINK, "");
	event->code = code;
	event->number = number;
	event->flag = flag;
	text_copy(event->name, sizeof(event->name),
		kind == EVENT_LINK_ERROR ? link_endpoint_name(flag)
					 : link_quiet_who((enum link_quiet)flag));
}

/* A line of the kernel; PORT in it is the phone's port. The phone stays for some time after a
 * failed transfer, so that the bus shows it too. */
static void kernel_line(struct stage *stage, const char *text)
{
	const char *place = strstr(text, "PORT");
	char line[MESSAGE_TEXT_SIZE];
	struct link_finding finding;
	struct event *event;

	snprintf(line, sizeof(line), "%.*s%s%s", (int)(place - text), text, stage->course->port,
		place + strlen("PORT"));
	pass(stage, 200);
	if (!link_pattern_read(LINK_KERNEL, line, &finding))
		abort();
	event = add_event(stage, finding.sign->kind, SOURCE_KERNEL, line);
	event->code = finding.code;
	text_copy(event->name, sizeof(event->name), finding.sign->id);
	if (stage->on_usb && strstr(text, "USBDEVFS_BULK failed"))
		bus_event(stage, EVENT_LINK_ERROR, finding.code, 1, BULK_OUT);
}

static void mux_event(struct stage *stage, enum event_kind kind, int64_t code)
{
	struct event *event = add_event(stage, kind, SOURCE_USBMUXD, "");

	text_copy(event->udid, sizeof(event->udid), stage->course->phone.udid);
	event->ecid = udid_ecid(event->udid);
	event->mode = MODE_NORMAL_OR_RESTORE;
	event->code = code;
	stage->on_mux = kind == EVENT_MUX_ATTACH;
}

static void attach(struct stage *stage, enum device_mode mode, const char *program)
{
	const struct phone *phone = &stage->course->phone;
	struct event *event = add_event(stage, EVENT_ATTACH, SOURCE_USB,
		mode == MODE_RECOVERY && phone->shows_loader ? program : "");

	event->mode = mode;
	event->speed_mbps = 480;
	event->hub_depth = usb_hub_depth(event->port);
	if (event->hub_depth)
		text_copy(event->name, sizeof(event->name), "05e3:0610 USB2.0 Hub");
	if (mode == MODE_NORMAL_OR_RESTORE) {
		text_copy(event->udid, sizeof(event->udid), phone->udid);
		event->ecid = udid_ecid(phone->udid);
	} else {
		event->ecid = phone->ecid;
		text_copy(event->product, sizeof(event->product), phone->model->product);
	}
	stage->on_usb = true;
}

static void detach(struct stage *stage)
{
	if (!stage->on_usb)
		return;
	add_event(stage, EVENT_DETACH, SOURCE_USB, "");
	stage->on_usb = false;
	if (stage->on_mux)
		mux_event(stage, EVENT_MUX_DETACH, 0);
}

/* In its own system or in the restore system: usbmuxd lists it. */
static void attach_listed(struct stage *stage)
{
	attach(stage, MODE_NORMAL_OR_RESTORE, "");
	pass(stage, 300);
	mux_event(stage, EVENT_MUX_ATTACH, 0);
}

static void log_symptom(struct stage *stage)
{
	const struct symptom *symptom = stage->course->symptom;

	for (size_t i = 0; i < SYMPTOM_LINES_MAX && symptom->log[i]; i++)
		log_line(stage, "%s", symptom->log[i]);
}

static void show_kernel(struct stage *stage)
{
	const struct symptom *symptom = stage->course->symptom;

	for (size_t i = 0; i < ARRAY_SIZE(symptom->kernel) && symptom->kernel[i]; i++)
		kernel_line(stage, symptom->kernel[i]);
	pass(stage, 3000);
}

static void lose_connection(struct stage *stage)
{
	log_line(stage, "ERROR: Could not read data (-256). Aborting.");
	log_line(stage, "ERROR: Unable to restore device");
	end_tool(stage, EXIT_FAILED);
}

static void fail_restore_mode(struct stage *stage, const char *found)
{
	log_line(stage, "ERROR: Device failed to enter restore mode.");
	if (found)
		log_line(stage,
			"ERROR: Device reconnected in %s mode, most likely image "
			"personalization failed.",
			found);
	else
		log_line(stage, "ERROR: Make sure that usbmuxd is running.");
	log_line(stage, "ERROR: Unable to place device into restore mode");
	end_tool(stage, EXIT_FAILED);
}

/* The phone resets itself and starts iBoot from its storage, or only its boot ROM. */
static void come_back(struct stage *stage, enum device_mode mode)
{
	pass(stage, 9000);
	attach(stage, mode, "IBFL:3D SRNM");
}

static void end_error(struct stage *stage)
{
	show_kernel(stage);
	log_symptom(stage);
	end_tool(stage, EXIT_FAILED);
}

static void end_bounce(struct stage *stage)
{
	come_back(stage, MODE_RECOVERY);
	fail_restore_mode(stage, "Recovery");
}

static void end_dfu(struct stage *stage)
{
	come_back(stage, MODE_DFU);
	fail_restore_mode(stage, "DFU");
}

static void end_absent(struct stage *stage)
{
	pass(stage, 9000);
	show_kernel(stage);
	pass(stage, RESTORE_MODE_LIMIT_MS);
	fail_restore_mode(stage, NULL);
}

static void end_status(struct stage *stage)
{
	int status = stage->course->symptom->status;

	log_line(stage, "Got status message");
	if (status == 14)
		log_line(stage, "Status: Fail");
	else
		log_line(stage, "Unhandled status message (%d)", status);
	log_line(stage, "Log is available:");
	log_symptom(stage);
	log_line(stage, "ERROR: Unable to restore device");
	end_tool(stage, EXIT_FAILED);
	detach(stage);
	come_back(stage, MODE_RECOVERY);
}

static void end_contact(struct stage *stage)
{
	show_kernel(stage);
	detach(stage);
	pass(stage, 500);
	lose_connection(stage);
	attach_listed(stage);
}

static void end_reset(struct stage *stage)
{
	detach(stage);
	pass(stage, 500);
	lose_connection(stage);
	come_back(stage, MODE_RECOVERY);
}

static void end_dropped(struct stage *stage)
{
	mux_event(stage, EVENT_MUX_DETACH, 0);
	pass(stage, 500);
	bus_event(stage, EVENT_LINK_ERROR, -EPROTO, 1, BULK_IN);
	lose_connection(stage);
	pass(stage, 15000);
}

static void end_mux(struct stage *stage)
{
	struct event *event;

	if (!stage->on_usb) {
		pass(stage, 9000);
		attach(stage, MODE_NORMAL_OR_RESTORE, "");
	}
	if (stage->on_mux)
		mux_event(stage, EVENT_MUX_DETACH, -ECONNRESET);
	event = add_event(stage, EVENT_SOURCE, SOURCE_USBMUXD, "the connection was closed");
	event->port[0] = '\0';
	event->code = -ECONNREFUSED;
	text_copy(event->name, sizeof(event->name), "usbmuxd");
	if (stage->course->symptom->point == POINT_KERNEL) {
		pass(stage, RESTORE_MODE_LIMIT_MS);
		fail_restore_mode(stage, NULL);
	} else {
		lose_connection(stage);
	}
	pass(stage, 15000);
	event = add_event(stage, EVENT_SOURCE, SOURCE_USBMUXD, "");
	event->port[0] = '\0';
	text_copy(event->name, sizeof(event->name), "usbmuxd");
}

static void end_hidden(struct stage *stage)
{
	pass(stage, 9000);
	attach(stage, MODE_NORMAL_OR_RESTORE, "");
	pass(stage, RESTORE_MODE_LIMIT_MS);
	fail_restore_mode(stage, NULL);
}

static void end_hang(struct stage *stage)
{
	for (unsigned s = 10; s * 1000 < HANG_MS; s *= 2) {
		pass(stage, s == 10 ? 10000 : s * 500);
		bus_event(stage, EVENT_LINK_QUIET, 0, s, LINK_QUIET_PHONES_TURN);
	}
	pass(stage, HANG_MS);
	end_tool(stage, EXIT_STOPPED);
}

static void end_crash(struct stage *stage)
{
	end_tool(stage, EXIT_CRASHED);
}

static void (*const endings[])(struct stage *stage) = {
	[ENDING_ERROR] = end_error,
	[ENDING_BOUNCE] = end_bounce,
	[ENDING_DFU] = end_dfu,
	[ENDING_ABSENT] = end_absent,
	[ENDING_STATUS] = end_status,
	[ENDING_CONTACT] = end_contact,
	[ENDING_RESET] = end_reset,
	[ENDING_DROPPED] = end_dropped,
	[ENDING_MUX] = end_mux,
	[ENDING_HIDDEN] = end_hidden,
	[ENDING_HANG] = end_hang,
	[ENDING_CRASH] = end_crash,
};

/* Whether the restore ends at this point; then it has. */
static bool ends_at(struct stage *stage, enum point point)
{
	const struct symptom *symptom = stage->course->symptom;

	if (!symptom || symptom->point != point)
		return false;
	endings[symptom->ending](stage);
	return true;
}

static void say_banner(struct stage *stage)
{
	const struct course *course = stage->course;
	const struct phone *phone = &course->phone;
	size_t tool = course->setup.knobs[KNOB_TOOL] ? 1 : 0;
	size_t firmware = course->setup.knobs[KNOB_FIRMWARE] % ARRAY_SIZE(firmwares);

	log_line(stage, "idevicerestore %s (libirecovery 1.2.1, libtatsu 1.0.4)",
		tool_versions[tool]);
	log_line(stage, "Found device in %s mode",
		course->setup.knobs[KNOB_ENTRY] ? "DFU" : "Recovery");
	log_line(stage, "ECID: %llu", (unsigned long long)phone->ecid);
	log_line(stage, "Identified device as %s, %s", phone->model->board, phone->model->product);
	log_line(stage, "IPSW Product Version: %s", firmwares[firmware].version);
	log_line(stage, "IPSW Product Build: %s Major: 22", firmwares[firmware].build);
	log_line(stage, course->setup.knobs[KNOB_ACTION]
				? "Variant: Customer Erase Install (IPSW)"
				: "Variant: Customer Upgrade Install (IPSW)");
}

/* iBSS and iBEC are sent, then the restore system; the phone leaves recovery mode. */
static void send_system(struct stage *stage)
{
	if (stage->course->setup.knobs[KNOB_ENTRY]) {
		log_line(stage, "Sending iBSS (1203314 bytes)...");
		log_line(stage, "Waiting for device to disconnect...");
		detach(stage);
		pass(stage, 1500);
		attach(stage, MODE_RECOVERY, "IBFL:3C SRNM");
	}
	log_line(stage, "Sending iBEC (1203314 bytes)...");
	log_line(stage, "Waiting for device to disconnect...");
	pass(stage, 500);
	detach(stage);
	log_line(stage, "Waiting for device to reconnect in recovery mode...");
	pass(stage, 2500);
	attach(stage, MODE_RECOVERY, "IBFL:3C SRNM");
	pass(stage, 500);
	log_line(stage, "Recovery Mode Environment:");
	log_line(stage, "Sending RestoreRamDisk (98304512 bytes)...");
}

static void boot_system(struct stage *stage)
{
	log_line(stage, "Sending RestoreDeviceTree (45512 bytes)...");
	log_line(stage, "Sending RestoreKernelCache (17203314 bytes)...");
	log_line(stage, "Waiting for device to enter restore mode...");
	pass(stage, 700);
	detach(stage);
}

static uint32_t last_operation(struct stage *stage)
{
	const struct symptom *symptom = stage->course->symptom;

	if (!symptom || symptom->point != POINT_OPERATION)
		return 0;
	return symptom->operation ? symptom->operation
				  : operations[dice_roll(stage->dice, ARRAY_SIZE(operations))];
}

/* Returns false where it ended in one of them. */
static bool run_operations(struct stage *stage)
{
	uint32_t last = last_operation(stage);

	log_line(stage, "Device %s has successfully entered restore mode",
		stage->course->phone.udid);
	log_line(stage, "Connected to com.apple.mobile.restored, version 15");
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		pass(stage, 2000);
		if (operations[i] == 39 && last != 39)
			continue;
		log_line(stage, "%s (%u)", operation_by_number(operations[i])->name, operations[i]);
		pass(stage, 2000);
		if (operations[i] == last)
			return !ends_at(stage, POINT_OPERATION);
	}
	return true;
}

static void succeed(struct stage *stage)
{
	log_line(stage, "Got status message");
	log_line(stage, "Status: Restore Finished");
	pass(stage, 1000);
	detach(stage);
	log_line(stage, "DONE");
	end_tool(stage, 0);
	pass(stage, 20000);
	attach_listed(stage);
}

static void restore(struct stage *stage)
{
	say_banner(stage);
	if (ends_at(stage, POINT_FILE) || ends_at(stage, POINT_SERVER))
		return;
	send_system(stage);
	if (ends_at(stage, POINT_UPLOAD))
		return;
	boot_system(stage);
	if (ends_at(stage, POINT_KERNEL))
		return;
	pass(stage, 9000);
	attach_listed(stage);
	if (run_operations(stage))
		succeed(stage);
}

void course_make(struct course *course, struct dice *dice)
{
	struct stage stage = {.course = course, .dice = dice};

	course->count = 0;
	attach(&stage, course->setup.knobs[KNOB_ENTRY] ? MODE_DFU : MODE_RECOVERY, "IBFL:3D SRNM");
	pass(&stage, 8000);
	restore(&stage);
	pass(&stage, 20000);
	detach(&stage);
	course->length_us = stage.now_us;
}
