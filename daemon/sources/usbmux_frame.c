/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/usbmux_frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <plist/plist.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/base/plist_guard.h"

#define VERSION_PLIST 1
#define TYPE_PLIST 8
#define TAG_LISTEN 1
#define BITS_PER_MEGABIT 1000000

/* If usbmuxd could not read a device's serial string, it uses a serial number that ends in a
 * counter. */
#define NO_SERIAL "ffffffffffffffffffffffffffffffff"

static const char listen_request[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				     "<plist version=\"1.0\"><dict>"
				     "<key>MessageType</key><string>Listen</string>"
				     "<key>ProgName</key><string>idevicetriaged</string>"
				     "<key>ClientVersionString</key><string>idevicetriaged</string>"
				     "<key>kLibUSBMuxVersion</key><integer>3</integer>"
				     "</dict></plist>\n";

static void plist_freep(plist_t *plist)
{
	plist_free(*plist);
}

static bool dict_uint(plist_t dict, const char *key, uint64_t *ret)
{
	plist_t node = plist_dict_get_item(dict, key);

	if (!node || plist_get_node_type(node) != PLIST_UINT)
		return false;
	plist_get_uint_val(node, ret);
	return true;
}

static bool dict_uint32(plist_t dict, const char *key, uint32_t *ret)
{
	uint64_t value;

	if (!dict_uint(dict, key, &value) || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* The text of `key`, borrowed from `dict`, or NULL. Not with plist_get_string_val(): libplist 2.2
 * aborts on a string with a NUL in it. */
static const char *dict_string(plist_t dict, const char *key)
{
	plist_t node = plist_dict_get_item(dict, key);
	const char *text = NULL;
	uint64_t length = 0;

	if (node && plist_get_node_type(node) == PLIST_STRING)
		text = plist_get_string_ptr(node, &length);
	return text && strlen(text) == length ? text : NULL;
}

static int read_attached(plist_t dict, struct usbmux_message *message)
{
	plist_t properties = plist_dict_get_item(dict, "Properties");
	const char *connection, *serial;
	uint64_t speed = 0;

	if (!properties || plist_get_node_type(properties) != PLIST_DICT)
		return -EBADMSG;
	connection = dict_string(properties, "ConnectionType");
	message->usb = !connection || text_equal(connection, "USB");
	serial = dict_string(properties, "SerialNumber");
	if (serial && !text_starts_with(serial, NO_SERIAL))
		message->bad_serial = udid_normalize(serial, message->udid) < 0;
	dict_uint32(properties, "LocationID", &message->location);
	if (dict_uint(properties, "ConnectionSpeed", &speed) &&
		speed / BITS_PER_MEGABIT <= UINT32_MAX)
		message->speed_mbps = (uint32_t)(speed / BITS_PER_MEGABIT);
	return 0;
}

static int read_message(plist_t dict, struct usbmux_message *ret)
{
	struct usbmux_message message = {.kind = USBMUX_OTHER};
	const char *type;
	int r = 0;

	if (!dict || plist_get_node_type(dict) != PLIST_DICT)
		return -EBADMSG;
	type = dict_string(dict, "MessageType");
	if (!type)
		return -EBADMSG;
	if (text_equal(type, "Result")) {
		message.kind = USBMUX_RESULT;
		r = dict_uint32(dict, "Number", &message.result) ? 0 : -EBADMSG;
	} else if (text_equal(type, "Attached")) {
		message.kind = USBMUX_ATTACHED;
		r = dict_uint32(dict, "DeviceID", &message.device_id)
			    ? read_attached(dict, &message)
			    : -EBADMSG;
	} else if (text_equal(type, "Detached")) {
		message.kind = USBMUX_DETACHED;
		r = dict_uint32(dict, "DeviceID", &message.device_id) ? 0 : -EBADMSG;
	}
	if (r < 0)
		return r;
	*ret = message;
	return 0;
}

static uint32_t read_word(const uint8_t *bytes, size_t index)
{
	uint32_t word;

	memcpy(&word, bytes + index * sizeof(word), sizeof(word));
	return le32toh(word);
}

int usbmux_frame_read(
	const uint8_t *bytes, size_t length, size_t *ret_used, struct usbmux_message *ret)
{
	CLEANUP(plist_freep) plist_t plist = NULL;
	const char *payload = (const char *)bytes + USBMUX_HEADER_BYTES;
	size_t frame, payload_bytes;
	int r;

	assert(ret_used && ret);
	if (length < USBMUX_HEADER_BYTES)
		return 0;
	frame = read_word(bytes, 0);
	if (read_word(bytes, 1) != VERSION_PLIST || read_word(bytes, 2) != TYPE_PLIST ||
		frame < USBMUX_HEADER_BYTES)
		return -EBADMSG;
	if (frame > USBMUX_FRAME_MAX)
		return -EMSGSIZE;
	if (length < frame)
		return 0;
	payload_bytes = frame - USBMUX_HEADER_BYTES;
	if (plist_too_deep(payload, payload_bytes, USBMUX_DEPTH_MAX))
		return -EBADMSG;
	plist_from_xml(payload, (uint32_t)payload_bytes, &plist);
	r = read_message(plist, ret);
	if (r < 0)
		return r;
	*ret_used = frame;
	return 1;
}

int usbmux_frame_listen(uint8_t *out, size_t size)
{
	const size_t payload = sizeof(listen_request) - 1;
	const uint32_t header[] = {
		htole32((uint32_t)(USBMUX_HEADER_BYTES + payload)),
		htole32(VERSION_PLIST),
		htole32(TYPE_PLIST),
		htole32(TAG_LISTEN),
	};

	if (size < sizeof(header) + payload)
		return -ENOSPC;
	memcpy(out, header, sizeof(header));
	memcpy(out + sizeof(header), listen_request, payload);
	return (int)(sizeof(header) + payload);
}
