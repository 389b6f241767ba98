/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the transfers of one USB bus from the kernel's usbmon, in batches: it wakes at most every
 * few milliseconds, however many transfers there are. It does not look at what it reads. Source:
 * Linux, Documentation/usb/usbmon.rst. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

#define USBMON_RING_BYTES (1200 * 1024) /* the kernel's maximum */
#define USBMON_BATCH_US 10000		/* between two batches */
#define USBMON_BUSY_BATCH_US                                                                       \
	1000 /* for USBMON_BUSY_US after a batch that filled a quarter of the ring */
#define USBMON_BUSY_US UINT64_C(1000000)

struct usbmon;

/* The callbacks must not free the reader. */
struct usbmon_handler {
	/* A record as it lies in the kernel's ring: valid until the callback returns. `length` is
	 * the number of its bytes, header and captured payload. */
	void (*record)(void *user, const void *record, size_t length);
	/* A batch of `records` has ended. `lost` = records that the kernel had no room for since
	 * the last batch. */
	void (*batch)(void *user, uint32_t bus, uint32_t records, uint32_t lost);
	/* The bus cannot be read any more; `error` is a negative errno. Called from the loop, once.
	 */
	void (*failed)(void *user, uint32_t bus, int error);
	void *user;
};

/* Opens the bus and starts to read. `handler` is copied. Returns 0 or a negative errno: -ENOENT if
 * the kernel module usbmon is not loaded. The caller owns *ret: usbmon_free(). */
int usbmon_new(
	struct loop *loop, uint32_t bus, const struct usbmon_handler *handler, struct usbmon **ret);
/* Stops; what is still in the ring is lost. NULL is fine; returns NULL. */
struct usbmon *usbmon_free(struct usbmon *usbmon);
DEFINE_FREEP(struct usbmon, usbmon_free)
/* Reads what is in the ring now. An error is reported at the next batch. */
void usbmon_drain(struct usbmon *usbmon);
