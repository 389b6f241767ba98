/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what sysfs tells of one USB port: three small files that cost the device nothing. Keeps
 * nothing and opens no device. */
#pragma once

#include <stdbool.h>

#include "common/model/port_health.h"

/* Reads the port at the kernel's path such as 1-2.3. Returns false, with *ret untouched, where
 * `port` is no such path; what sysfs does not have is not known. Files: Linux,
 * Documentation/ABI/testing/sysfs-bus-usb and sysfs-devices-power. */
bool usb_port_read(const char *port, struct port_facts *ret);
