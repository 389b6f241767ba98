/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of USB devices in sysfs. */
#pragma once

#include <stdbool.h>

#define SYSFS_USB_DEVICES "/sys/bus/usb/devices"
#define SYSFS_VALUE_SIZE 256 /* bytes with the NUL; the rest of a longer value is cut off */

/* Reads the first line of an attribute of the device `name` in the folder `devices`. Returns false
 * if there is none. */
bool sysfs_read(const char *devices, const char *name, const char *attribute,
	char value[static SYSFS_VALUE_SIZE]);
