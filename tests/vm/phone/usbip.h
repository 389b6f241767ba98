/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records that the kernel's virtual host controller and an emulated device exchange. */
/* It moves no bytes itself. Source: the kernel's Documentation/usb/usbip_protocol.rst; isochronous
 * transfers, which a phone has no use for, are left out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USBIP_HEADER_BYTES 48
#define USBIP_SETUP_BYTES 8
/* Largest transfer taken: usbfs splits at 16 KiB, but a kernel driver may ask for more. */
#define USBIP_MAXIMUM_TRANSFER_BYTES (256 * 1024)

enum usbip_kind {
	USBIP_SUBMIT, /* a transfer is asked for */
	USBIP_UNLINK, /* a transfer asked for before is no longer wanted */
};

struct usbip_request {
	enum usbip_kind kind;
	uint32_t sequence;
	uint32_t unlinked; /* USBIP_UNLINK: sequence of the unwanted transfer */
	bool to_host;	   /* direction of the data */
	unsigned endpoint; /* number without the direction bit */
	uint32_t length;   /* bytes of data, wanted or following */
	uint8_t setup[USBIP_SETUP_BYTES];
};

/* Reads a header. Returns 0, or -EBADMSG (unknown command, endpoint or length) with *ret
 * untouched. */
int usbip_parse(const uint8_t header[USBIP_HEADER_BYTES], struct usbip_request *ret);

/* Bytes of data that follow the header of `request`. */
size_t usbip_payload(const struct usbip_request *request);

/* Writes the answer to a transfer: `status` is 0 or a negative errno as the kernel's URBs have it,
 * `actual` the bytes that were moved. */
void usbip_pack_completion(
	uint8_t header[USBIP_HEADER_BYTES], uint32_t sequence, int status, uint32_t actual);

/* Writes the answer to an unlink: `status` is -ECONNRESET when the transfer was still waiting, 0
 * when it had been answered before. */
void usbip_pack_unlinked(uint8_t header[USBIP_HEADER_BYTES], uint32_t sequence, int status);
