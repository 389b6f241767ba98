/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/iboot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Vendor requests of iBoot (libirecovery 1.0.0). */
#define TYPE_COMMAND 0x40
#define TYPE_COMMAND_REPLY 0xc0
#define TYPE_START_FILE 0x41

/* Class requests and states of DFU 1.0 (USB Device Class Specification for Device Firmware
 * Upgrade, chapters 3 and 6.1). */
#define TYPE_DFU_FROM_HOST 0x21
#define TYPE_DFU_TO_HOST 0xa1
#define DFU_STATUS_BYTES 6

enum dfu_request {
	DFU_DOWNLOAD = 1,
	DFU_GET_STATUS = 3,
	DFU_CLEAR_STATUS = 4,
	DFU_GET_STATE = 5,
	DFU_ABORT = 6,
};

enum dfu_state {
	DFU_IDLE = 2,
	DFU_DOWNLOAD_IDLE = 5,
	DFU_MANIFEST_SYNC = 6,
	DFU_MANIFEST = 7,
	DFU_MANIFEST_WAIT_RESET = 8,
};

static void set_variable(struct iboot *iboot, const char *name, const char *value)
{
	for (size_t i = 0; i < IBOOT_VARIABLE_COUNT; i++) {
		char *at = iboot->variables[i].name;

		if (*at && strcmp(at, name) != 0)
			continue;
		snprintf(at, IBOOT_TEXT_BYTES, "%s", name);
		snprintf(iboot->variables[i].value, IBOOT_TEXT_BYTES, "%s", value);
		return;
	}
}

static const char *get_variable(const struct iboot *iboot, const char *name)
{
	for (size_t i = 0; i < IBOOT_VARIABLE_COUNT; i++) {
		if (strcmp(iboot->variables[i].name, name) == 0)
			return iboot->variables[i].value;
	}
	return "";
}

void iboot_init(struct iboot *iboot, enum mode mode, const struct report *report)
{
	*iboot = (struct iboot){.report = report, .mode = mode, .dfu_state = DFU_IDLE};
	set_variable(iboot, "auto-boot", "true");
	set_variable(iboot, "build-style", "RELEASE");
	set_variable(iboot, "build-version", "iBoot-6723.140.2");
	set_variable(iboot, "ramdisk-size", "0x20000000");
}

static void finish_file(struct iboot *iboot)
{
	if (!iboot->uploading)
		return;
	iboot->uploading = false;
	report(iboot->report, "file %zu bytes", iboot->file_bytes);
}

static void run_command(struct iboot *iboot, const struct control *control)
{
	char text[IBOOT_TEXT_BYTES];
	char *rest = text;
	const char *verb;
	const char *name;

	/* iBoot learns that a file is complete only from the command that uses it. */
	finish_file(iboot);
	snprintf(text, sizeof(text), "%.*s", (int)control->length, (const char *)control->data);
	report(iboot->report, "command %s", text);

	iboot->reply[0] = '\0';
	verb = strsep(&rest, " ");
	name = strsep(&rest, " ");
	if (strcmp(verb, "getenv") == 0 && name)
		snprintf(iboot->reply, sizeof(iboot->reply), "%s", get_variable(iboot, name));
	else if (strcmp(verb, "setenv") == 0 && name)
		set_variable(iboot, name, rest ? rest : "");
}

void iboot_file(struct iboot *iboot, size_t size)
{
	if (iboot->uploading)
		iboot->file_bytes += size;
}

static void start_file(struct iboot *iboot)
{
	finish_file(iboot);
	iboot->uploading = true;
	iboot->file_bytes = 0;
	report(iboot->report, "upload started");
}

static int recovery_control(struct iboot *iboot, const struct control *control, uint8_t *reply)
{
	switch (control->type) {
	case TYPE_COMMAND:
		run_command(iboot, control);
		return 0;
	case TYPE_COMMAND_REPLY:
		memcpy(reply, iboot->reply, sizeof(iboot->reply));
		return (int)strlen(iboot->reply) + 1;
	case TYPE_START_FILE:
		start_file(iboot);
		return 0;
	default:
		return -EPIPE;
	}
}

static void dfu_download(struct iboot *iboot, size_t size)
{
	if (size > 0) {
		if (!iboot->uploading)
			start_file(iboot);
		iboot->file_bytes += size;
		iboot->dfu_state = DFU_DOWNLOAD_IDLE;
	} else if (iboot->uploading) {
		finish_file(iboot);
		iboot->dfu_state = DFU_MANIFEST_SYNC;
	}
}

static int dfu_status(struct iboot *iboot, uint8_t *reply)
{
	/* The host asks for the status until the file is taken over; each question is one step. */
	if (iboot->dfu_state == DFU_MANIFEST) {
		iboot->dfu_state = DFU_MANIFEST_WAIT_RESET;
		report(iboot->report, "manifest");
	} else if (iboot->dfu_state == DFU_MANIFEST_SYNC) {
		iboot->dfu_state = DFU_MANIFEST;
	}
	memset(reply, 0, DFU_STATUS_BYTES);
	reply[4] = iboot->dfu_state;
	return DFU_STATUS_BYTES;
}

static int dfu_control(struct iboot *iboot, const struct control *control, uint8_t *reply)
{
	switch (control->type << 8 | control->request) {
	case TYPE_DFU_FROM_HOST << 8 | DFU_DOWNLOAD:
		dfu_download(iboot, control->length);
		return 0;
	case TYPE_DFU_FROM_HOST << 8 | DFU_CLEAR_STATUS:
	case TYPE_DFU_FROM_HOST << 8 | DFU_ABORT:
		iboot->dfu_state = DFU_IDLE;
		iboot->uploading = false;
		return 0;
	case TYPE_DFU_TO_HOST << 8 | DFU_GET_STATUS:
		return dfu_status(iboot, reply);
	case TYPE_DFU_TO_HOST << 8 | DFU_GET_STATE:
		reply[0] = iboot->dfu_state;
		return 1;
	default:
		return -EPIPE;
	}
}

int iboot_control(struct iboot *iboot, const struct control *control,
	uint8_t reply[CONTROL_REPLY_MAXIMUM_BYTES])
{
	return iboot->mode == MODE_DFU ? dfu_control(iboot, control, reply)
				       : recovery_control(iboot, control, reply);
}
