/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a phone shows on USB without a query: its mode by product number, its identity by serial
 * string. Parses texts only; touches no device. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"
#include "common/model/phone_model.h"

#define USB_VENDOR_APPLE 0x05ac

#define BOOT_PROGRAM_SIZE 24 /* "IBFL:FFFFFFFF SRNM" */

/* The program that runs on a phone in recovery or DFU mode, as shown by its serial string. Public
 * strings of real phones: the boot ROM's DFU mode has IBFL:00, 1C or 3C, and iBoot from the phone's
 * own storage has 03, 1D or 3D: its lowest bit is set. An iBEC of an iPhone 4 (iBoot-889.24) has
 * 00, and phones that a failed restore left in recovery mode show no SRNM. No public string is
 * certain to show the iBEC of a phone with a 64-bit processor: if it looks like iBoot, no
 * conclusion is drawn from it. */
struct boot_program {
	bool known;
	bool named;	/* it contains the phone's serial number; the number itself is not stored */
	uint32_t flags; /* IBFL */
};

struct usb_identity {
	struct boot_program program;
	enum device_mode mode;
	uint64_t ecid;		   /* 0 = not shown: an older phone in normal or restore mode */
	char udid[UDID_SIZE];	   /* normal and restore mode only */
	const struct model *model; /* NULL = not shown or unknown */
};

/* The least speed of a phone with a good link (knowledge: usb-signs, speed). */
#define USB_PHONE_MBPS 480

/* The place of a device. `port` is the kernel's path such as 1-2.3. */
struct usb_place {
	char port[PORT_SIZE];
	uint32_t speed_mbps;
	uint32_t hub_depth;
};

/* The mode of an Apple product number; MODE_UNKNOWN if it is not a phone or tablet (keyboards,
 * adapters). The numbers are those of libirecovery.h and of usbmuxd's udev rules. */
enum device_mode usb_product_mode(uint16_t product_id);
/* Reads product number and serial string: in recovery and DFU mode iBoot's "CPID:8030 … BDID:06
 * ECID:001C…", in normal and restore mode the UDID. Any other serial leaves the identity unknown;
 * `serial` may be NULL. */
struct usb_identity usb_identity_read(uint16_t product_id, const char *serial);
/* The program in an attach event of USB. */
struct boot_program boot_program_of(const struct event *attach);
/* Writes the stored form of a program: such as "IBFL:3D SRNM", empty if unknown. */
void boot_program_write(const struct boot_program *program, char out[static BOOT_PROGRAM_SIZE]);
/* Whether the two are known to be different programs. A replugged phone runs the same one. */
bool boot_program_differs(const struct boot_program *a, const struct boot_program *b);
/* Whether a computer has loaded the program, as opposed to the phone starting it from its own
 * storage. */
bool boot_program_is_loaded(const struct boot_program *program);
/* Whether a computer has loaded `now` into the phone that ran `before`. False if the phone has
 * started its own iBoot again. */
bool boot_program_follows(const struct boot_program *before, const struct boot_program *now);
/* Whether these bytes are such a path: 1-2.3. */
bool usb_port_ok(const char *text, size_t length);
/* The number of hubs between the root port and the device at the kernel's path `port`. */
uint32_t usb_hub_depth(const char *port);
