/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/usbip.h"

#include "tests/vm/phone/bytes.h"

#include <errno.h>
#include <string.h>

#define MAXIMUM_ENDPOINT 15

enum command {
	COMMAND_SUBMIT = 1,
	COMMAND_UNLINK = 2,
	RETURN_SUBMIT = 3,
	RETURN_UNLINK = 4,
};

/* Where the fields stand in a header. */
enum offset {
	OFFSET_COMMAND = 0,
	OFFSET_SEQUENCE = 4,
	OFFSET_DIRECTION = 12,
	OFFSET_ENDPOINT = 16,
	OFFSET_UNLINKED = 20,
	OFFSET_STATUS = 20,
	OFFSET_LENGTH = 24,
	OFFSET_SETUP = 40,
};

int usbip_parse(const uint8_t header[USBIP_HEADER_BYTES], struct usbip_request *ret)
{
	struct usbip_request request = {
		.sequence = get_be32(header + OFFSET_SEQUENCE),
		.to_host = get_be32(header + OFFSET_DIRECTION) != 0,
		.endpoint = get_be32(header + OFFSET_ENDPOINT),
	};

	switch (get_be32(header + OFFSET_COMMAND)) {
	case COMMAND_SUBMIT:
		request.kind = USBIP_SUBMIT;
		request.length = get_be32(header + OFFSET_LENGTH);
		memcpy(request.setup, header + OFFSET_SETUP, sizeof(request.setup));
		break;
	case COMMAND_UNLINK:
		request.kind = USBIP_UNLINK;
		request.unlinked = get_be32(header + OFFSET_UNLINKED);
		break;
	default:
		return -EBADMSG;
	}
	if (request.endpoint > MAXIMUM_ENDPOINT || request.length > USBIP_MAXIMUM_TRANSFER_BYTES)
		return -EBADMSG;
	*ret = request;
	return 0;
}

size_t usbip_payload(const struct usbip_request *request)
{
	return request->kind == USBIP_SUBMIT && !request->to_host ? request->length : 0;
}

void usbip_pack_completion(
	uint8_t header[USBIP_HEADER_BYTES], uint32_t sequence, int status, uint32_t actual)
{
	memset(header, 0, USBIP_HEADER_BYTES);
	put_be32(header + OFFSET_COMMAND, RETURN_SUBMIT);
	put_be32(header + OFFSET_SEQUENCE, sequence);
	put_be32(header + OFFSET_STATUS, (uint32_t)status);
	put_be32(header + OFFSET_LENGTH, actual);
}

void usbip_pack_unlinked(uint8_t header[USBIP_HEADER_BYTES], uint32_t sequence, int status)
{
	memset(header, 0, USBIP_HEADER_BYTES);
	put_be32(header + OFFSET_COMMAND, RETURN_UNLINK);
	put_be32(header + OFFSET_SEQUENCE, sequence);
	put_be32(header + OFFSET_STATUS, (uint32_t)status);
}
