/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The boot loaders of the phone: the boot ROM's DFU mode and iBoot's recovery mode, as far as
 * libirecovery 1.0.0 speaks to them. */
/* It boots nothing: files are counted and thrown away, and what a command leads to is told by the
 * scenario. Reports: "upload started", "file N bytes", "command TEXT", "manifest". */
#pragma once

#include "tests/vm/phone/control.h"
#include "tests/vm/phone/identity.h"
#include "tests/vm/phone/report.h"

#include <stdbool.h>

#define IBOOT_VARIABLE_COUNT 16
#define IBOOT_TEXT_BYTES 256

struct iboot {
	const struct report *report;
	enum mode mode; /* MODE_DFU or MODE_RECOVERY */
	bool uploading;
	size_t file_bytes; /* of the file that is being uploaded */
	uint8_t dfu_state;
	char reply[IBOOT_TEXT_BYTES]; /* what the last command answered */
	struct {
		char name[IBOOT_TEXT_BYTES];
		char value[IBOOT_TEXT_BYTES];
	} variables[IBOOT_VARIABLE_COUNT]; /* an empty name ends the list */
};

/* Starts the boot loader of `mode`; `report` must outlive it. */
void iboot_init(struct iboot *iboot, enum mode mode, const struct report *report);

/* Answers one control transfer that is not a standard request. Returns the bytes written to
 * `reply`, or -EPIPE when the boot loader knows no such request. */
int iboot_control(struct iboot *iboot, const struct control *control,
	uint8_t reply[CONTROL_REPLY_MAXIMUM_BYTES]);

/* Takes the next piece of a file in recovery mode. */
void iboot_file(struct iboot *iboot, size_t size);
