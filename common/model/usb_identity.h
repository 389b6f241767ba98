/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a phone tells of itself on USB without being asked: its mode by product number, its identity
 * by serial string. Reads texts that others got; touches no device. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/event.h"
#include "common/model/phone_model.h"

#define USB_VENDOR_APPLE 0x05ac

struct usb_identity {
	enum device_mode mode;
	uint64_t ecid;		   /* 0 = not told: an older phone in normal or restore mode */
	char udid[UDID_SIZE];	   /* normal and restore mode only */
	const struct model *model; /* NULL = not told or not known */
};

/* Where a device sits. `port` is the kernel's path such as 1-2.3. */
struct usb_place {
	char port[PORT_SIZE];
	uint32_t speed_mbps;
	uint32_t hub_depth;
};

/* The mode that an Apple product number stands for; MODE_UNKNOWN for what is no phone or tablet
 * (keyboards, adapters). The numbers are those of libirecovery.h and of usbmuxd's udev rules. */
enum device_mode usb_product_mode(uint16_t product_id);
/* Reads product number and serial string: in recovery and DFU mode iBoot's "CPID:8030 … BDID:06
 * ECID:001C…", in normal and restore mode the UDID. A serial that is neither leaves identity
 * unknown; `serial` may be NULL. */
struct usb_identity usb_identity_read(uint16_t product_id, const char *serial);
/* The number of hubs between the root port and the device at the kernel's path `port`. */
uint32_t usb_hub_depth(const char *port);
