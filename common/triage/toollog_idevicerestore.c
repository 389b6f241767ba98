/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of idevicerestore: 1.0.0 of 2020 as Debian has it, those after it, and the files with
 * times and levels that it writes since June 2025. Line shapes were taken from its source
 * (restore.c, idevicerestore.c, log.c) and from runs of 1.0.0. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/triage/operation.h"
#include "common/triage/toollog_private.h"

/* Reads what stands behind the text that a row of the table begins with. */
typedef void line_reader(struct toollog *log, const char *rest, int value);

static void emit_name(struct toollog *log, enum event_kind kind, const char *name)
{
	struct event event = toollog_event(log, kind);

	text_copy(event.name, sizeof(event.name), name);
	toollog_emit(log, &event);
}

static void read_stage(struct toollog *log, const char *rest, int stage)
{
	struct event event = toollog_event(log, EVENT_STAGE);

	event.number = (uint32_t)stage;
	toollog_emit(log, &event);
}

static void read_entry(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_ENTRY);
	char word[16];

	if (sscanf(rest, "%15s mode", word) != 1)
		return;
	for (char *c = word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	event.mode = device_mode_from_name(word);
	if (event.mode != MODE_UNKNOWN)
		toollog_emit(log, &event);
}

static void read_ecid(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);

	if (sscanf(rest, "%" SCNu64, &event.ecid) == 1 && event.ecid)
		toollog_emit(log, &event);
}

/* "d421ap, iPhone12,3"; very old versions tell the product type alone. */
static void read_product(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	const char *comma = strstr(rest, ", ");
	const char *product = comma ? comma + 2 : rest;
	const char *end = product + strcspn(product, " \t");

	snprintf(event.name, sizeof(event.name), "%.*s", (int)(end - product), product);
	if (comma) {
		event.text = rest;
		event.text_length = (size_t)(comma - rest);
	}
	toollog_emit(log, &event);
}

static void read_udid(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	char word[UDID_SIZE];

	read_stage(log, rest, STAGE_RESTORE);
	if (sscanf(rest, "%47s", word) == 1 && udid_normalize(word, event.udid) == 0)
		toollog_emit(log, &event);
}

static void read_firmware(struct toollog *log, const char *rest, int value)
{
	emit_name(log, EVENT_FIRMWARE, rest);
}

static void read_action(struct toollog *log, const char *rest, int value)
{
	emit_name(log, EVENT_ACTION,
		strstr(rest, "erase") || strstr(rest, "Erase") ? "erase" : "update");
}

static void read_version(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_TOOL_VERSION);

	if (!isdigit((unsigned char)*rest))
		return;
	text_copy(event.name, sizeof(event.name), "idevicerestore");
	event.text = rest;
	event.text_length = strcspn(rest, " (");
	toollog_emit(log, &event);
}

static void read_wait(struct toollog *log, const char *rest, int restore_mode)
{
	if (restore_mode)
		read_stage(log, rest, STAGE_BOOT_RAMDISK);
	emit_name(log, EVENT_WAIT, restore_mode ? "wait-restore-mode" : "wait-recovery");
}

static void read_transfer(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_TRANSFER);

	event.flag = (uint32_t)state;
	snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(rest, " ."), rest);
	log->permille = -1;
	toollog_emit(log, &event);
	if (text_starts_with(rest, "RestoreKernelCache") ||
		text_starts_with(rest, "KernelCache component"))
		read_stage(log, rest, STAGE_BOOT_RAMDISK);
}

/* The phone's final word, as the tool puts the number into words (restore.c). */
static void read_status(struct toollog *log, const char *rest, int value)
{
	static const struct {
		const char *text;
		int code;
	} statuses[] = {
		{"Restore Finished", 0},
		{"Verification Error", -1},
		{"Disk Failure", 6},
		{"Fail", 14},
		{"Failed to mount filesystems.", 27},
		{"Failed to load SEP Firmware.", 50},
		{"Failed to recover FDR data.", 53},
		{"X-Gold Baseband Update Failed. Defective Unit?", 1015},
	};
	struct event event = toollog_event(log, EVENT_STATUS);
	struct event outcome = toollog_event(log, EVENT_OUTCOME);

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (!text_equal(rest, statuses[i].text))
			continue;
		event.code = statuses[i].code;
		text_copy(event.name, sizeof(event.name), statuses[i].text);
		toollog_emit(log, &event);
		outcome.number = event.code == 0 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED;
		toollog_emit(log, &outcome);
	}
}

static void read_unhandled_status(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_STATUS);

	if (sscanf(rest, "%" SCNd64 ")", &event.code) == 1)
		toollog_emit(log, &event);
}

static void read_failed(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_OUTCOME);

	event.number = OUTCOME_FAILED;
	toollog_emit(log, &event);
}

static void read_device_log(struct toollog *log, const char *rest, int value)
{
	log->in_device_log = true;
	log->meant_something = true;
}

static void read_saved(struct toollog *log, const char *rest, int value)
{
	static const char *const names[] = {"exit-status", "usb-log", "panic-log"};
	struct event event = toollog_event(log, EVENT_SAVED);

	text_copy(event.name, sizeof(event.name), names[value]);
	event_set_text(&event, rest);
	toollog_emit(log, &event);
}

/* "Checkpoint 1621 complete with code 0" of 2021 to 2023: the number may be sign-extended, and its
 * upper bits are flags of a retry. */
static void read_checkpoint_decimal(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	uint64_t id;

	if (sscanf(rest, "%" SCNu64 " complete with code %" SCNd64, &id, &event.code) != 2)
		return;
	event.number = (uint32_t)(id & 0xffff);
	event.flag = CHECKPOINT_COMPLETED;
	toollog_emit(log, &event);
}

/* "Checkpoint started   id: 0x60D (wait_for_storage)", from October 2023 on. */
static void read_checkpoint(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	const char *id = strstr(rest, "id: 0x"), *name, *result, *text;
	uint64_t number;

	if (!id || sscanf(id, "id: 0x%" SCNx64, &number) != 1)
		return;
	event.number = (uint32_t)(number & 0xffff);
	event.flag = (uint32_t)state;
	name = strchr(id, '(');
	result = strstr(id, "result=");
	if (name && (!result || name < result))
		snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(name + 1, ")"),
			name + 1);
	if (result) {
		event.code = strtoll(result + strlen("result="), NULL, 0);
		text = strchr(result, ':');
		if (text)
			event_set_text(&event, text + 1 + strspn(text + 1, " "));
	}
	toollog_emit(log, &event);
}

/* "irecv_event_cb: device 001c2d6a3c8a802e (udid: …) connected in DFU mode", with -d alone. */
static void read_link(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_DETACH);
	const char *connected = strstr(rest, ") connected in "), *udid = strstr(rest, "(udid: ");
	char word[UDID_SIZE];

	if (sscanf(rest, "%" SCNx64, &event.ecid) != 1)
		return;
	if (udid && sscanf(udid, "(udid: %47[0-9A-Fa-f-])", word) == 1)
		udid_normalize(word, event.udid);
	if (connected) {
		char mode[16] = "";

		event.kind = EVENT_ATTACH;
		sscanf(connected, ") connected in %15s", mode);
		for (char *c = mode; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		event.mode = device_mode_from_name(mode);
	} else if (!strstr(rest, ") disconnected")) {
		return;
	}
	toollog_emit(log, &event);
}

static const struct {
	const char *begins;
	line_reader *read;
	int value;
} readers[] = {
	{"Found device in ", read_entry, 0},
	{"ECID: ", read_ecid, 0},
	{"Found ECID ", read_ecid, 0},
	{"UniqueChipID: ", read_ecid, 0},
	{"Identified device as ", read_product, 0},
	{"IPSW Product Version: ", read_firmware, 0},
	{"Product Version: ", read_firmware, 0},
	{"Variant: ", read_action, 0},
	{"This restore will ", read_action, 0},
	{"idevicerestore ", read_version, 0},
	{"irecv_event_cb: device ", read_link, 0},
	{"idevice_event_cb: device ", read_link, 0},
	{"Sending ", read_transfer, STEP_BEGIN},
	{"About to send ", read_transfer, STEP_BEGIN},
	{"Done sending ", read_transfer, STEP_DONE},
	{"Waiting for device to enter restore mode", read_wait, 1},
	{"Waiting for device to disconnect", read_wait, 0},
	{"Waiting for device to reconnect", read_wait, 0},
	{"Recovery Mode Environment:", read_stage, STAGE_RECOVERY},
	{"About to restore device", read_stage, STAGE_BOOT_RAMDISK},
	{"Device ", read_udid, 0},
	{"Connected to com.apple.mobile.restored", read_stage, STAGE_RESTORE},
	{"Status: ", read_status, 0},
	{"Unhandled status message (", read_unhandled_status, 0},
	{"Log is available:", read_device_log, 0},
	{"Previous restore exit status: ", read_saved, 0},
	{"USB log is available:", read_saved, 1},
	{"Panic log is available:", read_saved, 2},
	{"Checkpoint started", read_checkpoint, CHECKPOINT_STARTED},
	{"Checkpoint completed", read_checkpoint, CHECKPOINT_COMPLETED},
	{"Checkpoint WARNING", read_checkpoint, CHECKPOINT_WARNING},
	{"Checkpoint FAILURE", read_checkpoint, CHECKPOINT_FAILURE},
	{"Checkpoint ", read_checkpoint_decimal, 0},
	{"Unable to successfully restore device", read_failed, 0},
	{"Unable to restore device", read_failed, 0},
	{"RESTORE FAILED", read_failed, 0},
};

/* "Waiting for NAND (28)": known by its name, for the number is one lower with a restored of a
 * protocol below 14. */
static bool read_operation(struct toollog *log, const char *message)
{
	struct event event = toollog_event(log, EVENT_OPERATION);
	const char *open = strrchr(message, '(');
	unsigned number;
	int used = 0;

	if (!open || open == message || open[-1] != ' ' ||
		sscanf(open, "(%u)%n", &number, &used) != 1 || used == 0 || open[used])
		return false;
	snprintf(event.name, sizeof(event.name), "%.*s", (int)(open - message - 1), message);
	event.number = operation_by_name(event.name);
	if (event.number == 0)
		return false;
	log->permille = -1;
	toollog_emit(log, &event);
	return true;
}

/* "<key>AMRError</key>", then "<integer>6</integer>" on the next line, in a dump of the status. */
static bool read_amr_error(struct toollog *log, const char *message)
{
	struct event event = toollog_event(log, EVENT_AMR_ERROR);
	const char *text = message + strspn(message, " \t");

	if (text_equal(text, "<key>AMRError</key>")) {
		log->amr_error_next = true;
		return true;
	}
	if (!log->amr_error_next)
		return false;
	log->amr_error_next = false;
	if (sscanf(text, "<integer>%" SCNd64 "</integer>", &event.code) == 1)
		toollog_emit(log, &event);
	return true;
}

void toollog_read_idevicerestore(struct toollog *log, const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		const char *begins = readers[i].begins;

		/* "Device …" is also how many a complaint begins. */
		if (!text_starts_with(message, begins) ||
			(readers[i].read == read_udid &&
				!strstr(message, "successfully entered restore mode")))
			continue;
		log->in_device_log = false;
		readers[i].read(log, message + strlen(begins), readers[i].value);
		return;
	}
	if (read_operation(log, message) || read_amr_error(log, message)) {
		log->in_device_log = false;
	} else if (log->in_device_log) {
		struct event event = toollog_event(log, EVENT_DEVICE_LOG);

		event_set_text(&event, message);
		toollog_emit(log, &event);
	}
}
