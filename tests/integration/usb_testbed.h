/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* USB devices that only libsystemd sees, made by umockdev: a process under umockdev-wrapper with
 * UMOCKDEV_DIR set sees them in its sysfs and gets their uevents. The kernel is not involved. */
#pragma once

#include <stdint.h>

#include "common/base/macro.h"

struct usb_testbed;

/* Makes an empty bus and sets UMOCKDEV_DIR for this process and its children. Returns NULL where
 * the process does not run under umockdev-wrapper. */
struct usb_testbed *usb_testbed_new(void);
struct usb_testbed *usb_testbed_free(struct usb_testbed *testbed);
DEFINE_FREEP(struct usb_testbed, usb_testbed_free)
/* The folder that UMOCKDEV_DIR names. */
const char *usb_testbed_folder(const struct usb_testbed *testbed);

/* Plugs a device in at a kernel port path such as 1-2.3; hubs above it are made silently. Returns
 * its address on the bus (devnum), or a negative errno: -EEXIST where the port is in use, -EINVAL
 * for what is no port, -ENOSPC. */
int usb_testbed_add(struct usb_testbed *testbed, const char *port, uint16_t vendor_id,
	uint16_t product_id, const char *serial);
/* The speed, in Mbit/s, of what is plugged in from now on; at first 480. */
void usb_testbed_set_speed(struct usb_testbed *testbed, const char *speed);
/* Unplugs it. Returns 0 or -ENOENT. */
int usb_testbed_remove(struct usb_testbed *testbed, const char *port);
/* The same without its uevent: nothing passes it on. */
int usb_testbed_remove_unseen(struct usb_testbed *testbed, const char *port);
/* Sends a uevent of an attached device once more: "change", "bind"… Returns 0 or -ENOENT. */
int usb_testbed_uevent(struct usb_testbed *testbed, const char *port, const char *action);
