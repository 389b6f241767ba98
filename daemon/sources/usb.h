/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches the USB bus for Apple devices: mode, identity, port, speed. From udev and sysfs alone: it
 * opens no device and reads none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/port_health.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"

struct usb;

/* Starts to watch, and tells what is attached already. To `sink` go, the first from within this
 * call:
 *   EVENT_SOURCE    name = usb, code = 0 up, negative errno down, text = why
 *   EVENT_ATTACH    mode, ecid, udid, port, product, speed, hub depth as far as known
 *   EVENT_IDENTITY  after an attach whose model is known: name = product type, text = board
 *   EVENT_DETACH    the same device as it was when it came
 * Where changes cannot be watched (no netlink in the sandbox) the devices of now are told and the
 * source stays down: no failure. Returns 0, or a negative errno: no memory. The caller owns *ret:
 * usb_free(). `sink` may not free it. */
int usb_new(struct loop *loop, event_sink *sink, void *user, struct usb **ret);
/* Stops without any event. Returns NULL. */
struct usb *usb_free(struct usb *usb);
DEFINE_FREEP(struct usb, usb_free)

/* Finds the watched device with that bus and address, the two numbers of usbmuxd's location.
 * Returns false, with *ret untouched, where there is none. */
bool usb_find_place(const struct usb *usb, uint32_t bus, uint32_t address, struct usb_place *ret);

/* Reads the port at the kernel's path such as 1-2.3. Returns false, with *ret untouched, where
 * `port` is no such path; what sysfs does not have is not known. Files: Linux,
 * Documentation/ABI/testing/sysfs-bus-usb and sysfs-devices-power. */
bool usb_port_read(const char *port, struct port_facts *ret);
