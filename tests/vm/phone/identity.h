/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the phone is, and the modes in which it can show itself on USB. */
/* It holds facts only; what the phone does in a mode is told by the module of that mode. */
#pragma once

#include <stdint.h>

enum mode {
	MODE_DFU,      /* boot ROM waits for a file */
	MODE_RECOVERY, /* iBoot waits for files and commands */
	MODE_IBEC,     /* recovery mode in the iBoot that a computer has loaded */
	MODE_RESTORE,  /* restore ramdisk: usbmux with the service "restored" */
	MODE_NORMAL,   /* iOS: usbmux with the service "lockdownd" */
	MODE_COUNT,
};

/* What a ticket has to be signed for, in hex: the same in every mode. */
#define AP_NONCE "000102030405060708090A0B0C0D0E0F10111213"
#define SEP_NONCE "1415161718191A1B1C1D1E1F2021222324252627"
#define NONCE_BYTES 20

struct identity {
	uint16_t vendor; /* of USB */
	unsigned port;	 /* of the virtual controller */
	uint64_t ecid;
	uint32_t chip;	/* CPID */
	uint32_t board; /* BDID */
	const char *hardware_model;
	const char *product_type;
	const char *serial_number;
	const char *device_name; /* lockdownd's DeviceName */
	const char *product_version;
	const char *build_version;
};

#define SERIAL_STRING_MAXIMUM_BYTES 160
#define UDID_BYTES 26

/* An iPhone 11 with an invented serial number. */
extern const struct identity default_identity;

/* The mode's name as scenarios and reports have it. */
const char *mode_name(enum mode mode);

/* The mode called `name`. Returns 0, or -EINVAL with *ret untouched. */
int mode_from_name(const char *name, enum mode *ret);

/* USB product number of a mode: 1227, 1281, or 12a8 for both restore and normal mode. */
uint16_t mode_product(enum mode mode);

/* Writes the USB serial string of `mode`: what the boot loaders tell of the chip in DFU and
 * recovery mode, the UDID without its dash in the others. */
void identity_serial_string(
	const struct identity *identity, enum mode mode, char text[SERIAL_STRING_MAXIMUM_BYTES]);

/* Writes the UDID with its dash, as usbmuxd shows it. */
void identity_udid(const struct identity *identity, char text[UDID_BYTES]);
