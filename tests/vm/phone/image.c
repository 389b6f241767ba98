/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/image.h"

#include "common/base/macro.h"

#include <errno.h>
#include <plist/plist.h>
#include <string.h>

#define DOCUMENT_MAXIMUM_BYTES (64 * 1024)
#define REPLY_MAXIMUM_BYTES (64 * 1024)
#define SAMPLE_BYTES 4096
#define QUARTERS 4

/* A bare property list has no length in front; libplist ends it so. */
static const char document_end[] = "</plist>\n";

static void plist_freep(plist_t *plist)
{
	if (*plist)
		plist_free(*plist);
}

static uint64_t sample_bytes(const struct image *image)
{
	return image->size < SAMPLE_BYTES ? image->size : SAMPLE_BYTES;
}

static int send_command(const struct image *image, const char *command, struct bytes *reply)
{
	CLEANUP(plist_freep) plist_t content = plist_new_dict();
	CLEANUP(freep) char *xml = NULL;
	uint32_t size = 0;

	plist_dict_set_item(content, "Command", plist_new_string(command));
	if (strcmp(command, "OOBData") == 0) {
		plist_dict_set_item(content, "OOB Length", plist_new_uint(sample_bytes(image)));
		plist_dict_set_item(content, "OOB Offset", plist_new_uint(0));
	}
	plist_to_xml(content, &xml, &size);
	return xml ? bytes_append(reply, xml, size, REPLY_MAXIMUM_BYTES) : -ENOMEM;
}

int image_init(struct image *image, const struct report *report, struct bytes *reply)
{
	*image = (struct image){.report = report};
	return send_command(image, "Initiate", reply);
}

void image_done(struct image *image)
{
	bytes_done(&image->input);
}

static int read_size(struct image *image)
{
	CLEANUP(plist_freep) plist_t content = NULL;
	plist_t size;

	plist_from_xml((const char *)image->input.data, (uint32_t)image->input.size, &content);
	size = content ? plist_access_path(content, 2, "Payload", "Size") : NULL;
	if (!size || plist_get_node_type(size) != PLIST_UINT)
		return -EBADMSG;
	plist_get_uint_val(size, &image->size);
	return image->size > 0 ? 0 : -EBADMSG;
}

static int take_packets(struct image *image, const uint8_t *data, size_t size, struct bytes *reply)
{
	const size_t end_bytes = sizeof(document_end) - 1;
	struct bytes *input = &image->input;
	int r = bytes_append(input, data, size, DOCUMENT_MAXIMUM_BYTES);

	if (r < 0 || input->size < end_bytes ||
		memcmp(input->data + input->size - end_bytes, document_end, end_bytes) != 0)
		return r;
	r = read_size(image);
	if (r < 0)
		return r;
	image->state = IMAGE_SAMPLE;
	return send_command(image, "OOBData", reply);
}

static int take_sample(struct image *image, size_t size, struct bytes *reply)
{
	image->received += size;
	if (image->received < sample_bytes(image))
		return 0;
	image->received = 0;
	image->state = IMAGE_PAYLOAD;
	return send_command(image, "Payload", reply);
}

static void take_payload(struct image *image, size_t size)
{
	image->received += size;
	while (image->quarters < QUARTERS &&
		image->received / (image->quarters + 1) >= image->size / QUARTERS) {
		image->quarters++;
		report(image->report, "image %u percent", image->quarters * 100 / QUARTERS);
	}
}

int image_feed(struct image *image, const uint8_t *data, size_t size, struct bytes *reply)
{
	switch (image->state) {
	case IMAGE_PACKETS:
		return take_packets(image, data, size, reply);
	case IMAGE_SAMPLE:
		return take_sample(image, size, reply);
	default:
		take_payload(image, size);
		return 0;
	}
}
