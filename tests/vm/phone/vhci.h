/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugs an emulated device into the kernel's virtual USB host controller (module vhci-hcd). */
/* It does not speak to the kernel after that: see usbip.h for what goes over the socket. */
#pragma once

/* Plugs a high-speed device into a port, of which the first is 0. Returns 0 and, in *ret_socket,
 * the emulator's end of the connection, which the caller owns and whose closing unplugs the device;
 * or a negative errno: -ENOENT without the module, -ETIMEDOUT when the port did not come free
 * within two seconds after an earlier device. */
int vhci_attach(unsigned port, int *ret_socket);
