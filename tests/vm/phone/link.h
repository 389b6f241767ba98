/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the kernel's virtual host controller while the phone is plugged in: transfers
 * come, answers go, and those that wait are remembered. */
/* It does not know what a transfer means. The socket is written and read in blocking mode: the
 * kernel's two threads for it always make progress. */
#pragma once

#include "tests/vm/phone/usbip.h"

#include <stdbool.h>
#include <sys/queue.h>

struct link_transfer {
	STAILQ_ENTRY(link_transfer) link;
	uint32_t sequence;
	bool to_host;
	unsigned endpoint;
	uint32_t length;
};
STAILQ_HEAD(link_transfers, link_transfer);

struct link {
	int socket;		       /* -1: not plugged in */
	struct link_transfers waiting; /* oldest first */
};

/* Makes a link that is not plugged in. */
void link_init(struct link *link);

/* Plugs in: see vhci_attach() for the errors. */
int link_plug(struct link *link, unsigned port);

/* Unplugs, if plugged in; transfers that wait are forgotten, as the kernel ends them itself. */
void link_unplug(struct link *link);

/* Reads the next request and up to USBIP_MAXIMUM_TRANSFER_BYTES of data that belong to it; blocks
 * until there is one. Returns 0, -ENOTCONN when the kernel unplugged the phone, -EBADMSG, or
 * another negative errno. */
int link_receive(struct link *link, struct usbip_request *request, uint8_t *data);

/* Ends a transfer with `status` (0 or a negative errno) and `size` bytes moved; `data` is what goes
 * to the host, NULL for a transfer in the other direction. Returns 0 or a negative errno. */
int link_complete(
	struct link *link, uint32_t sequence, int status, const uint8_t *data, size_t size);

/* Leaves a transfer without an answer for now. Returns 0 or -ENOMEM. */
int link_hold(struct link *link, const struct usbip_request *request);

/* The oldest transfer that waits for data of `endpoint` to the host, or NULL. */
const struct link_transfer *link_waiting(const struct link *link, unsigned endpoint);

/* Ends a transfer that waited, with up to its length of `data`. Returns 0 or a negative errno. */
int link_release(struct link *link, const struct link_transfer *transfer, int status,
	const uint8_t *data, size_t size);

/* Answers an unlink request. Returns 0 or a negative errno. */
int link_unlink(struct link *link, const struct usbip_request *request);
