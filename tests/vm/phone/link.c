/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/link.h"

#include "common/base/macro.h"
#include "tests/vm/phone/vhci.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

void link_init(struct link *link)
{
	link->socket = -1;
	STAILQ_INIT(&link->waiting);
}

int link_plug(struct link *link, unsigned port)
{
	assert(link->socket < 0);
	return vhci_attach(port, &link->socket);
}

void link_unplug(struct link *link)
{
	closep(&link->socket);
	link->socket = -1;
	while (!STAILQ_EMPTY(&link->waiting)) {
		struct link_transfer *transfer = STAILQ_FIRST(&link->waiting);

		STAILQ_REMOVE_HEAD(&link->waiting, link);
		free(transfer);
	}
}

static int read_whole(int socket, void *data, size_t size)
{
	ssize_t got;

	if (size == 0)
		return 0;
	got = recv(socket, data, size, MSG_WAITALL);
	if (got < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	return (size_t)got == size ? 0 : -ENOTCONN;
}

int link_receive(struct link *link, struct usbip_request *request, uint8_t *data)
{
	uint8_t header[USBIP_HEADER_BYTES];
	int r = read_whole(link->socket, header, sizeof(header));

	if (r < 0)
		return r;
	r = usbip_parse(header, request);
	if (r < 0)
		return r;
	return read_whole(link->socket, data, usbip_payload(request));
}

static int write_whole(int socket, const uint8_t *header, const uint8_t *data, size_t size)
{
	struct iovec parts[] = {
		{.iov_base = (void *)header, .iov_len = USBIP_HEADER_BYTES},
		{.iov_base = (void *)data, .iov_len = size},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = data ? 2 : 1};
	ssize_t sent;

	/* A blocking stream socket takes everything or fails. */
	sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EPIPE ? -ENOTCONN : -errno;
	return (size_t)sent == USBIP_HEADER_BYTES + (data ? size : 0) ? 0 : -EIO;
}

int link_complete(
	struct link *link, uint32_t sequence, int status, const uint8_t *data, size_t size)
{
	uint8_t header[USBIP_HEADER_BYTES];

	usbip_pack_completion(header, sequence, status, (uint32_t)size);
	return write_whole(link->socket, header, data, size);
}

int link_hold(struct link *link, const struct usbip_request *request)
{
	struct link_transfer *transfer = malloc(sizeof(*transfer));

	if (!transfer)
		return -ENOMEM;
	*transfer = (struct link_transfer){
		.sequence = request->sequence,
		.to_host = request->to_host,
		.endpoint = request->endpoint,
		.length = request->length,
	};
	STAILQ_INSERT_TAIL(&link->waiting, transfer, link);
	return 0;
}

const struct link_transfer *link_waiting(const struct link *link, unsigned endpoint)
{
	const struct link_transfer *transfer;

	STAILQ_FOREACH(transfer, &link->waiting, link)
	{
		if (transfer->to_host && transfer->endpoint == endpoint)
			return transfer;
	}
	return NULL;
}

/* Takes the transfer out of those that wait. Returns whether it was one. */
static bool forget(struct link *link, uint32_t sequence)
{
	struct link_transfer *transfer;

	STAILQ_FOREACH(transfer, &link->waiting, link)
	{
		if (transfer->sequence == sequence) {
			STAILQ_REMOVE(&link->waiting, transfer, link_transfer, link);
			free(transfer);
			return true;
		}
	}
	return false;
}

int link_release(struct link *link, const struct link_transfer *transfer, int status,
	const uint8_t *data, size_t size)
{
	const uint32_t sequence = transfer->sequence;

	if (size > transfer->length)
		size = transfer->length;
	forget(link, sequence);
	return link_complete(link, sequence, status, data, size);
}

int link_unlink(struct link *link, const struct usbip_request *request)
{
	uint8_t header[USBIP_HEADER_BYTES];
	const bool waited = forget(link, request->unlinked);

	usbip_pack_unlinked(header, request->sequence, waited ? -ECONNRESET : 0);
	return write_whole(link->socket, header, NULL, 0);
}
