/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches the USB bus for Apple devices: mode, identity, port, speed. It uses only udev and sysfs
 * and opens no device. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/port_health.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"

struct usb;

/* Starts to watch. `sink` gets, for attached devices from within this call,
 *   EVENT_SOURCE    name = usb, code = 0 up, negative errno down, text = why
 *   EVENT_ATTACH    mode, ecid, udid, port, product, speed, hub depth if known
 *   EVENT_IDENTITY  after an attach with a known model: name = product type, text = board
 *   EVENT_DETACH    the device with the values of its attach
 * If changes cannot be watched (no netlink in the sandbox), the attached devices are reported and
 * the source stays down: not a failure. Returns 0 or -ENOMEM. The caller owns *ret: usb_free().
 * `sink` must not free it. */
int usb_new(struct loop *loop, event_sink *sink, void *user, struct usb **ret);
/* Stops without an event. Returns NULL. */
struct usb *usb_free(struct usb *usb);
DEFINE_FREEP(struct usb, usb_free)

/* Finds the watched device with that bus and address, the two numbers of usbmuxd's location.
 * Returns false, with *ret untouched, if there is none. */
bool usb_find_place(const struct usb *usb, uint32_t bus, uint32_t address, struct usb_place *ret);

/* Reads the facts of the port at the kernel's path, such as 1-2.3. Returns false, with *ret
 * untouched, if `port` is not such a path; facts that sysfs lacks are unknown. Files: Linux,
 * Documentation/ABI/testing/sysfs-bus-usb and sysfs-devices-power. */
bool usb_port_read(const char *port, struct port_facts *ret);
