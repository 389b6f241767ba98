/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows phones on USB from the records of the kernel's usbmon: transfer errors, silences, data
 * rates, and the course of a restore by any program. Its input is untrusted, its memory is bounded,
 * and of a payload only the values of the keys in message.c leave it. It opens no device, reads no
 * clock and gives no verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/model/event.h"

#define LINK_RECORD_SIZE 64 /* bytes of a record's header: struct usbmon_packet of usbmon.rst */
#define LINK_DEVICES_MAX 64 /* more are not followed */
/* Bytes of a watcher with that many phones, for any input. */
#define LINK_MEMORY_MAX (1536 * 1024)
/* Errors that Linux's xHCI driver hides of an endpoint that always ends short: the next one fails
 * the transfer (xhci-ring.c, MAX_SOFT_RETRY). */
#define LINK_CORRECTED_MAX 4

struct link_watcher;

/* A device as sysfs shows it. */
struct link_device {
	uint32_t bus, address; /* busnum and devnum */
	char port[PORT_SIZE];  /* such as 1-2.3 */
	uint16_t vendor, product;
	const char *serial; /* as usb_identity_read() expects it; NULL = unknown */
};

/* Returns NULL when out of memory. Every event that the sink gets has source SOURCE_LINK, the port
 * and, as far as known, ecid and udid. In the long run, a device causes at most 10 a second.
 * The caller owns the watcher: link_watcher_free(). */
struct link_watcher *link_watcher_new(event_sink *sink, void *user);
struct link_watcher *link_watcher_free(struct link_watcher *watcher);
DEFINE_FREEP(struct link_watcher, link_watcher_free)

/* Follows a device from here on; replaces another one of the same bus and address. Devices of other
 * vendors than Apple, and Apple's without a mode of a phone (usb_product_mode()), are ignored.
 * Returns whether it is followed: a bus without such a device needs no reader. */
bool link_watcher_attach(
	struct link_watcher *watcher, const struct link_device *device, struct stamp now);
/* The device left the bus. Unknown ones are ignored. */
void link_watcher_detach(
	struct link_watcher *watcher, uint32_t bus, uint32_t address, struct stamp now);

/* Reads one record of usbmon as it lies in the mapped ring or as MON_IOCX_GETX returns it: the
 * header, then the captured bytes. `length` is what may be read there; the record's own lengths are
 * not trusted. A payload is looked at only if the device is followed. Records of one bus come in
 * order, with the wall clock in them; `now` is the time of the batch. */
void link_watcher_feed(
	struct link_watcher *watcher, struct stamp now, const void *record, size_t length);
/* usbmon dropped that many records of this bus since the last one fed. */
void link_watcher_lost(struct link_watcher *watcher, uint32_t bus, uint32_t records);
/* The controller reported a transfer error at this port (tracepoint xhci_handle_event), of another
 * endpoint than 0. It counts as corrected if no transfer ends with it: only while the bus is read.
 */
void link_watcher_wire_error(struct link_watcher *watcher, const char *port, struct stamp at);
/* Reports what time alone shows: silences, and errors whose phone stayed. Call it after each batch
 * and at the deadline. */
void link_watcher_tick(struct link_watcher *watcher, struct stamp now);
/* The monotonic time at which link_watcher_tick() may have something to report; 0 = never. */
uint64_t link_watcher_deadline(const struct link_watcher *watcher);

/* The service that the phone named when it was asked. */
enum link_service {
	LINK_SERVICE_UNKNOWN,
	LINK_SERVICE_RESTORED, /* it is in restore mode */
	LINK_SERVICE_LOCKDOWN, /* it is in normal mode */
};
/* LINK_SERVICE_UNKNOWN if the device is not followed. */
enum link_service link_watcher_service(
	const struct link_watcher *watcher, uint32_t bus, uint32_t address);

struct link_watcher_stats {
	uint64_t records;	 /* fed */
	uint64_t foreign;	 /* of devices that are not followed: never looked at */
	uint64_t invalid;	 /* with impossible lengths or numbers */
	uint64_t lost;		 /* reported by link_watcher_lost() */
	uint64_t resynchronised; /* streams that were read again after a gap */
	uint64_t withheld;	 /* events over the limit for a device */
};
struct link_watcher_stats link_watcher_stats(const struct link_watcher *watcher);
/* Bytes of all that the watcher has allocated. */
size_t link_watcher_memory(const struct link_watcher *watcher);
