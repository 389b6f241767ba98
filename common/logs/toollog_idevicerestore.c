/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of idevicerestore: 1.0.0 of 2020 as in Debian, later versions, and the log files with
 * times and levels since June 2025. Shapes from its source (restore.c, idevicerestore.c, log.c) and
 * from runs of 1.0.0. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/panic.h"
#include "common/logs/toollog_private.h"

#define NAME "idevicerestore"

/* Other programs have its code inside; they name themselves, before or after. */
static void read_entry(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_ENTRY);
	char word[16];

	if (sscanf(rest, "%15s mode", word) != 1)
		return;
	event.mode = toollog_mode(word);
	if (event.mode == MODE_UNKNOWN)
		return;
	toollog_emit(log, &event);
	log->tool_inferred = false;
	toollog_infer_tool(log, NAME);
}

static void read_ecid(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	int64_t ecid;

	if (!toollog_number(rest, 10, "$ ", &ecid) || ecid == 0)
		return;
	event.ecid = (uint64_t)ecid;
	toollog_emit(log, &event);
}

/* "d421ap, iPhone12,3"; very old versions print only the product type. */
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
	toollog_infer_tool(log, NAME);
}

/* "iPhone 8 (GSM) (iPhone10,4 - d201ap) in DFU mode", as Legacy iOS Kit's menus show it, before a
 * restore and after it. */
static void read_described(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	const char *dash = strstr(rest, " - "), *open;

	if (!dash)
		return;
	for (open = dash; open > rest && *open != '('; open--)
		;
	if (*open != '(')
		return;
	snprintf(event.name, sizeof(event.name), "%.*s", (int)(dash - open - 1), open + 1);
	event.text = dash + strlen(" - ");
	event.text_length = strcspn(event.text, " )");
	toollog_emit(log, &event);
}

static void read_udid(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	char word[UDID_SIZE];

	toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
	if (sscanf(log->message, "Device %47s", word) == 1 && udid_normalize(word, event.udid) == 0)
		toollog_emit(log, &event);
}

static void read_firmware(struct toollog *log, const char *rest, int value)
{
	text_copy(log->firmware, sizeof(log->firmware), rest);
	toollog_emit_name(log, EVENT_FIRMWARE, rest);
}

/* "19H422 Major: 19" */
static void read_build(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_FIRMWARE);

	text_copy(event.name, sizeof(event.name), log->firmware);
	event.text = rest;
	event.text_length = strcspn(rest, " ");
	toollog_emit(log, &event);
}

static void read_action(struct toollog *log, const char *rest, int value)
{
	toollog_emit_name(log, EVENT_ACTION,
		strstr(rest, "erase") || strstr(rest, "Erase") ? "erase" : "update");
}

static void read_version(struct toollog *log, const char *rest, int value)
{
	if (isdigit((unsigned char)*rest))
		toollog_emit_tool(log, NAME, rest);
}

/* The tool's waits: enum wait. */
enum wait { WAIT_DISCONNECT, WAIT_RECOVERY, WAIT_RESTORE_MODE, WAIT_IMAGE, WAIT_RESTORED };

static void read_wait(struct toollog *log, const char *rest, int wait)
{
	static const char *const budgets[] = {[WAIT_DISCONNECT] = "wait-disconnect",
		[WAIT_RECOVERY] = "wait-recovery",
		[WAIT_RESTORE_MODE] = "wait-restore-mode",
		[WAIT_IMAGE] = "asr",
		[WAIT_RESTORED] = "restored-silence"};

	if (wait == WAIT_RESTORE_MODE)
		toollog_emit_number(log, EVENT_STAGE, STAGE_BOOT_RAMDISK);
	toollog_emit_name(log, EVENT_WAIT, budgets[wait]);
}

static void read_transfer(struct toollog *log, const char *rest, int state)
{
	/* The file being sent shows the stage; iBEC is sent in DFU and in recovery mode. */
	static const struct {
		const char *component;
		enum restore_stage stage;
	} stages[] = {
		{"iBSS", STAGE_DFU},
		{"RestoreKernelCache", STAGE_BOOT_RAMDISK},
		{"KernelCache component", STAGE_BOOT_RAMDISK},
		{"RestoreLogo", STAGE_RECOVERY},
		{"RestoreRamDisk", STAGE_RECOVERY},
		{"RestoreTrustCache", STAGE_RECOVERY},
		{"RestoreDeviceTree", STAGE_RECOVERY},
		{"AppleLogo", STAGE_RECOVERY},
		/* 3uTools uses different names. */
		{"Ramdisk", STAGE_RECOVERY},
		{"RestoreSep", STAGE_RECOVERY},
		/* Only the phone's restore program requests these. */
		{"filesystem", STAGE_RESTORE},
		{"RootTicket", STAGE_RESTORE},
		{"NORData", STAGE_RESTORE},
		{"FDR Trust", STAGE_RESTORE},
		{"FirmwareUpdater data", STAGE_RESTORE},
		{"FirmwareResponse data", STAGE_RESTORE},
		{"BasebandData", STAGE_RESTORE},
		{"BuildIdentity", STAGE_RESTORE},
		{"SystemImage", STAGE_RESTORE},
	};
	struct event event = toollog_event(log, EVENT_TRANSFER);

	/* libtatsu ends the lines of its attempts only with their result. */
	if (strstr(rest, "TSS request")) {
		if (state == STEP_BEGIN && !strstr(rest, "request attempt"))
			toollog_read_signing(log, rest, STEP_BEGIN);
		return;
	}
	/* Lines that have their own signs. */
	if (text_starts_with(rest, "TSS ") || (state == STEP_FAILED && !strstr(rest, " component")))
		return;
	event.flag = (uint32_t)state;
	snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(rest, " ."), rest);
	log->permille = -1;
	toollog_emit(log, &event);
	if (state == STEP_FAILED)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (text_starts_with(rest, stages[i].component)) {
			toollog_emit_number(log, EVENT_STAGE, stages[i].stage);
			break;
		}
}

/* The phone's final status, in the tool's words for its number (restore.c). */
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

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (text_equal(rest, statuses[i].text)) {
			toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
			toollog_emit_status(log, statuses[i].code, rest);
		}
}

static void read_unhandled_status(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_STATUS);

	if (toollog_number(rest, 10, ")", &event.code))
		toollog_emit(log, &event);
}

static void read_device_log(struct toollog *log, const char *rest, int value)
{
	log->opens_device_log = true;
	log->meant_something = true;
}

/* The phone's log of an earlier attempt: it says nothing about this one. */
static void read_previous_log(struct toollog *log, const char *rest, int value)
{
	log->meant_something = true;
}

/* Saved texts about an earlier failure; the phone's logs follow on separate lines. */
enum saved { SAVED_EXIT_STATUS, SAVED_USB_LOG, SAVED_PANIC_LOG };

static void send_saved(void *user, const struct event *event)
{
	toollog_emit(user, event);
}

static void read_saved(struct toollog *log, const char *rest, int saved)
{
	static const char *const names[] = {[SAVED_EXIT_STATUS] = "exit-status",
		[SAVED_USB_LOG] = "usb-log",
		[SAVED_PANIC_LOG] = "panic-log"};
	struct event event = toollog_event(log, EVENT_SAVED);

	text_copy(event.name, sizeof(event.name), names[saved]);
	event_set_text(&event, rest);
	panic_send_saved(&event, send_saved, log);
}

/* The tool prints this only in its loop over the messages of the phone's restore program. */
static void read_failed_restore(struct toollog *log, const char *rest, int value)
{
	toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
	toollog_emit_number(log, EVENT_OUTCOME, OUTCOME_FAILED);
}

static void read_end(struct toollog *log, const char *rest, int value)
{
	log->meant_something = true;
}

/* "Checkpoint 1621 complete with code 0" of 2021 to 2023: the number may be sign-extended, and its
 * upper bits are retry flags. */
static void read_checkpoint_decimal(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	static const char complete[] = " complete with code ";
	const char *end;
	int64_t id;

	end = toollog_number(rest, 10, " ", &id);
	if (!end || !text_starts_with(end, complete) ||
		!toollog_number(end + strlen(complete), 10, "$ ", &event.code))
		return;
	event.number = (uint32_t)(id & 0xffff);
	event.flag = CHECKPOINT_COMPLETED;
	toollog_emit(log, &event);
}

/* "Checkpoint started   id: 0x60D (wait_for_storage)", since October 2023. */
static void read_checkpoint(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	const char *id = strstr(rest, "id: 0x"), *name, *result, *text;
	int64_t number;

	if (!id || !toollog_number(id + strlen("id: 0x"), 16, "$ (", &number))
		return;
	event.number = (uint32_t)(number & 0xffff);
	event.flag = (uint32_t)state;
	name = strchr(id, '(');
	result = strstr(id, "result=");
	if (name && (!result || name < result))
		snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(name + 1, ")"),
			name + 1);
	if (result) {
		/* An unreadable result does not count: the step stays open. */
		if (!toollog_number(result + strlen("result="), 10, "$ :", &event.code))
			return;
		text = strchr(result, ':');
		if (text)
			event_set_text(&event, text + 1 + strspn(text + 1, " "));
	}
	toollog_emit(log, &event);
	toollog_infer_tool(log, NAME);
}

/* "irecv_event_cb: device 001c2d6a3c8a802e (udid: …) connected in DFU mode", only with -d. */
static void read_link(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_DETACH);
	const char *connected = strstr(rest, ") connected in "), *udid = strstr(rest, "(udid: ");
	char word[UDID_SIZE];
	int64_t ecid;

	if (!toollog_number(rest, 16, " ", &ecid))
		return;
	event.ecid = (uint64_t)ecid;
	if (udid && sscanf(udid, "(udid: %47[0-9A-Fa-f-])", word) == 1)
		udid_normalize(word, event.udid);
	if (connected) {
		char mode[16] = "";

		event.kind = EVENT_ATTACH;
		sscanf(connected, ") connected in %15s", mode);
		event.mode = toollog_mode(mode);
	} else if (!strstr(rest, ") disconnected")) {
		return;
	}
	toollog_emit(log, &event);
	toollog_infer_tool(log, NAME);
}

/* Start of a dump of the phone's final status; its numbers follow. */
static void read_status_dump(struct toollog *log, const char *rest, int value)
{
	log->in_status = true;
	log->meant_something = true;
}

static void read_plist_key(struct toollog *log, const char *rest, int key)
{
	log->meant_something = true;
	if (key == PLIST_AMR_ERROR || log->in_status)
		log->plist_key = (enum plist_key)key;
}

/* "progress: 3 0.25", with --plain-progress: the tool's step and its part. In the first two steps
 * it looks for the phone and prepares the firmware: no progress of the restore. */
static void read_progress(struct toollog *log, const char *rest, int value)
{
	static const unsigned first_of_restore = 2;
	unsigned step;
	double part;

	if (sscanf(rest, "%9u %lf", &step, &part) != 2 || part < 0 || part > 1)
		return;
	log->meant_something = true;
	if (step >= first_of_restore)
		toollog_emit_permille(log, (int32_t)(part * 1000 + 0.5));
}

/* ", version 15" */
static void read_connected(struct toollog *log, const char *rest, int value)
{
	static const char begin[] = ", version ";

	toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
	if (text_starts_with(rest, begin))
		toollog_number(rest + strlen(begin), 10, "$ ", &log->protocol);
}

/* The same in a dump for people: "\"AMRError\": 4109". */
static void read_plist_value(struct toollog *log, const char *rest, int key)
{
	struct event event = toollog_event(log, EVENT_AMR_ERROR);

	if ((key == PLIST_STATUS && !log->in_status) ||
		!toollog_number(rest, 10, "$ ,}", &event.code))
		return;
	if (key == PLIST_STATUS) {
		event.kind = EVENT_STATUS;
		log->in_status = false;
	}
	toollog_emit(log, &event);
}

static const struct toollog_rule rules[] = {
	{"Found device in ", RULE_BEGINS, read_entry, 0},
	{"ECID: ", RULE_BEGINS, read_ecid, 0},
	{"* ECID: ", RULE_BEGINS, read_ecid, 0},
	{"* Device: ", RULE_BEGINS, read_described, 0},
	{"Found ECID ", RULE_BEGINS, read_ecid, 0},
	{"UniqueChipID: ", RULE_BEGINS, read_ecid, 0},
	{"Identified device as ", RULE_BEGINS, read_product, 0},
	{"IPSW Product Version: ", RULE_BEGINS, read_firmware, 0},
	{"Product Version: ", RULE_BEGINS, read_firmware, 0},
	{"IPSW Product Build: ", RULE_BEGINS, read_build, 0},
	{"Product Build: ", RULE_BEGINS, read_build, 0},
	{"Variant: ", RULE_BEGINS, read_action, 0},
	{"This restore will ", RULE_BEGINS, read_action, 0},
	{"idevicerestore ", RULE_BEGINS, read_version, 0},
	{"irecv_event_cb: device ", RULE_BEGINS, read_link, 0},
	{"idevice_event_cb: device ", RULE_BEGINS, read_link, 0},
	{"Unable to send ", RULE_BEGINS, read_transfer, STEP_FAILED},
	{"Sending ", RULE_BEGINS, read_transfer, STEP_BEGIN},
	{"About to send ", RULE_BEGINS, read_transfer, STEP_BEGIN},
	{"Done sending ", RULE_BEGINS, read_transfer, STEP_DONE},
	{"Trying to fetch new SHSH blob", RULE_BEGINS, toollog_read_signing, STEP_BEGIN},
	{"Received SHSH blobs", RULE_BEGINS, toollog_read_signing, STEP_DONE},
	{"Received Baseband SHSH blobs", RULE_BEGINS, toollog_read_signing, STEP_DONE},
	{"Waiting for device to enter restore mode", RULE_BEGINS, read_wait, WAIT_RESTORE_MODE},
	{"Waiting for device to disconnect", RULE_BEGINS, read_wait, WAIT_DISCONNECT},
	{"Waiting for device to reconnect", RULE_BEGINS, read_wait, WAIT_RECOVERY},
	/* Before 2019. */
	{"Waiting for device...", RULE_BEGINS, read_wait, WAIT_RESTORE_MODE},
	{"Waiting for device\xe2\x80\xa6", RULE_BEGINS, read_wait, WAIT_RESTORE_MODE},
	{"Connecting to ASR", RULE_BEGINS, read_wait, WAIT_IMAGE},
	{"Connected to ASR", RULE_BEGINS, read_wait, WAIT_RESTORED},
	{"Recovery Mode Environment:", RULE_BEGINS, toollog_read_stage, STAGE_RECOVERY},
	{"About to restore device", RULE_BEGINS, toollog_read_stage, STAGE_BOOT_RAMDISK},
	{" has successfully entered restore mode", RULE_WITHIN, read_udid, 0},
	{"Connected to com.apple.mobile.restored", RULE_BEGINS, read_connected, 0},
	{"progress: ", RULE_BEGINS, read_progress, 0},
	{"Status: ", RULE_BEGINS, read_status, 0},
	{"Unhandled status message (", RULE_BEGINS, read_unhandled_status, 0},
	{"<key>AMRError</key>", RULE_WITHIN, read_plist_key, PLIST_AMR_ERROR},
	{"<string>StatusMsg</string>", RULE_WITHIN, read_status_dump, 0},
	{"<key>Status</key>", RULE_WITHIN, read_plist_key, PLIST_STATUS},
	{"<key>Log</key>", RULE_WITHIN, read_device_log, 0},
	{"\"AMRError\": ", RULE_WITHIN, read_plist_value, PLIST_AMR_ERROR},
	{"\"MsgType\": \"StatusMsg\"", RULE_WITHIN, read_status_dump, 0},
	{"\"Status\": ", RULE_WITHIN, read_plist_value, PLIST_STATUS},
	{"Unhandled progress operation ", RULE_BEGINS, read_end, 0},
	{"Log is available:", RULE_BEGINS, read_device_log, 0},
	{"Previous Restore Log Received:", RULE_BEGINS, read_previous_log, 0},
	{"Previous restore exit status: ", RULE_BEGINS, read_saved, SAVED_EXIT_STATUS},
	{"USB log is available:", RULE_BEGINS, read_saved, SAVED_USB_LOG},
	{"Panic log is available:", RULE_BEGINS, read_saved, SAVED_PANIC_LOG},
	{"Checkpoint started", RULE_BEGINS, read_checkpoint, CHECKPOINT_STARTED},
	{"Checkpoint completed", RULE_BEGINS, read_checkpoint, CHECKPOINT_COMPLETED},
	{"Checkpoint WARNING", RULE_BEGINS, read_checkpoint, CHECKPOINT_WARNING},
	{"Checkpoint FAILURE", RULE_BEGINS, read_checkpoint, CHECKPOINT_FAILURE},
	{"Checkpoint ", RULE_BEGINS, read_checkpoint_decimal, 0},
	{"Unable to successfully restore device", RULE_BEGINS, read_failed_restore, 0},
	{"Unable to get SHSH blobs for this device", RULE_BEGINS, toollog_read_outcome,
		OUTCOME_FAILED},
	{"Unable to restore device", RULE_BEGINS, toollog_read_outcome, OUTCOME_FAILED},
	{"RESTORE FAILED", RULE_BEGINS, toollog_read_outcome, OUTCOME_FAILED},
	{"Unable to discover device mode", RULE_BEGINS, toollog_read_outcome, OUTCOME_FAILED},
	{"Device failed to enter restore mode", RULE_BEGINS, toollog_read_outcome, OUTCOME_FAILED},
	{"Unable to place device into ", RULE_BEGINS, toollog_read_outcome, OUTCOME_FAILED},
	{"Cleaning up...", RULE_BEGINS, read_end, 0},
};

const struct toollog_family toollog_idevicerestore = {rules, ARRAY_SIZE(rules), false};

/* "Waiting for NAND (28)": identified by name, because the number is lower by one if restored has a
 * protocol below 14. One without a name is "Unknown operation (83)". */
static bool read_operation(struct toollog *log, const char *message)
{
	const char *open = strrchr(message, '(');
	char name[NAME_SIZE];
	const struct operation *known;
	uint32_t operation;
	unsigned number;
	int used = 0;

	if (!open || open == message || open[-1] != ' ' ||
		sscanf(open, "(%9u)%n", &number, &used) != 1 || used == 0 || open[used])
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(open - message - 1), message);
	operation = operation_by_name(name);
	if (operation == 0 && number > 0 && text_equal(name, "Unknown operation")) {
		operation = toollog_adapt_operation(log, number);
		known = operation_by_number(operation);
		text_copy(name, sizeof(name), known ? known->name : "");
	}
	if (operation == 0)
		return false;
	toollog_emit_tool_operation(log, operation, name);
	return true;
}

/* "<integer>6</integer>" on the line after its key. */
static bool read_plist_number(struct toollog *log, const char *message)
{
	static const char begin[] = "<integer>";
	enum plist_key key = log->plist_key;
	struct event event = toollog_event(log, EVENT_AMR_ERROR);
	const char *end = NULL;

	log->plist_key = PLIST_NONE;
	if (text_starts_with(message, begin))
		end = toollog_number(message + strlen(begin), 10, "<", &event.code);
	if (!end || !text_starts_with(end, "</integer>"))
		return false;
	if (key == PLIST_STATUS) {
		event.kind = EVENT_STATUS;
		log->in_status = false;
	}
	toollog_emit(log, &event);
	return true;
}

bool toollog_read_free(struct toollog *log, const char *message)
{
	size_t length = strlen(message);

	if (log->plist_key != PLIST_NONE)
		return read_plist_number(log, message);
	if (log->tool && text_equal(log->tool, "usbmuxd") && toollog_read_trouble(log, message))
		return true;
	/* "DONE" also ends a failed restore: it only ends the phone's log. Alone it is the last
	 * line of many programs. */
	if (text_equal(message, "DONE") && log->stats.understood > 0)
		return log->meant_something = true;
	if (toollog_read_named_operation(log, message))
		return true;
	return length > 0 && message[length - 1] == ')' && read_operation(log, message);
}
