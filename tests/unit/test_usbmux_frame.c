/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/usbmux_frame.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"

#define ATTACHED(serial, type)                                                                     \
	"<plist version=\"1.0\"><dict><key>DeviceID</key><integer>1</integer>"                     \
	"<key>MessageType</key><string>Attached</string><key>Properties</key><dict>"               \
	"<key>ConnectionSpeed</key><integer>480000000</integer>"                                   \
	"<key>ConnectionType</key><string>" type "</string>"                                       \
	"<key>DeviceID</key><integer>1</integer><key>LocationID</key><integer>65538</integer>"     \
	"<key>ProductID</key><integer>4776</integer>"                                              \
	"<key>SerialNumber</key><string>" serial "</string></dict></dict></plist>"

static uint8_t frame[USBMUX_FRAME_MAX + 64];

static size_t make_frame(uint32_t length, uint32_t version, uint32_t type, const char *payload)
{
	const uint32_t header[] = {htole32(length), htole32(version), htole32(type), 0};

	memcpy(frame, header, sizeof(header));
	memcpy(frame + sizeof(header), payload, strlen(payload));
	return sizeof(header) + strlen(payload);
}

static int read_payload(const char *payload, struct usbmux_message *ret)
{
	size_t used = 0, length = make_frame(16 + (uint32_t)strlen(payload), 1, 8, payload);
	int r = usbmux_frame_read(frame, length, &used, ret);

	if (r > 0)
		assert_int_equal(used, length);
	return r;
}

static void attached(void **state)
{
	struct usbmux_message m;

	assert_int_equal(read_payload(ATTACHED("00008030-001C2D6A3C8A802E", "USB"), &m), 1);
	assert_int_equal(m.kind, USBMUX_ATTACHED);
	assert_int_equal(m.device_id, 1);
	assert_true(m.usb && !m.bad_serial);
	assert_string_equal(m.udid, "00008030-001C2D6A3C8A802E");
	assert_int_equal(m.location, 0x10002);
	assert_int_equal(m.speed_mbps, 480);

	assert_int_equal(read_payload(ATTACHED("00008030-001C2D6A3C8A802E", "Network"), &m), 1);
	assert_false(m.usb);
}

static void odd_serials(void **state)
{
	struct usbmux_message m;

	assert_int_equal(
		read_payload(ATTACHED("ffffffffffffffffffffffffffffffff00000001", "USB"), &m), 1);
	assert_string_equal(m.udid, "");
	assert_false(m.bad_serial);
	assert_int_equal(read_payload(ATTACHED("\xc3\x28\xff", "USB"), &m), 1);
	assert_string_equal(m.udid, "");
	assert_true(m.bad_serial);
}

static void result_and_detached(void **state)
{
	struct usbmux_message m;

	assert_int_equal(read_payload("<plist><dict><key>MessageType</key><string>Result</string>"
				      "<key>Number</key><integer>3</integer></dict></plist>",
				 &m),
		1);
	assert_int_equal(m.kind, USBMUX_RESULT);
	assert_int_equal(m.result, 3);
	assert_int_equal(read_payload("<plist><dict><key>MessageType</key><string>Detached</string>"
				      "<key>DeviceID</key><integer>9</integer></dict></plist>",
				 &m),
		1);
	assert_int_equal(m.kind, USBMUX_DETACHED);
	assert_int_equal(m.device_id, 9);
	assert_int_equal(read_payload("<plist><dict><key>MessageType</key><string>Paired</string>"
				      "</dict></plist>",
				 &m),
		1);
	assert_int_equal(m.kind, USBMUX_OTHER);
}

static void halves_wait(void **state)
{
	struct usbmux_message m = {.kind = 77};
	size_t used = 99, length;
	const char *payload = ATTACHED("00008030-001C2D6A3C8A802E", "USB");

	length = make_frame(16 + (uint32_t)strlen(payload), 1, 8, payload);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(usbmux_frame_read(frame, i, &used, &m), 0);
	assert_int_equal(m.kind, 77);
	assert_int_equal(used, 99);
	assert_int_equal(usbmux_frame_read(frame, length + 20, &used, &m), 1);
	assert_int_equal(used, length);
}

static void nonsense_is_refused(void **state)
{
	static const char *const payloads[] = {
		"",
		"GET / HTTP/1.1",
		"<plist></plist>",
		"<plist><string>Attached</string></plist>",
		"<plist><dict></dict></plist>",
		"<plist><dict><key>MessageType</key><integer>1</integer></dict></plist>",
		"<plist><dict><key>MessageType</key><string>Result</string></dict></plist>",
		"<plist><dict><key>MessageType</key><string>Attached</string></dict></plist>",
		"<plist><dict><key>MessageType</key><string>Attached</string><key>DeviceID</key>"
		"<integer>1</integer><key>Properties</key><true/></dict></plist>",
		"<plist><dict><key>MessageType</key><string>Detached</string><key>DeviceID</key>"
		"<integer>-1</integer></dict></plist>",
		"<plist><dict><key>MessageType</key><string>Detached</string><key>DeviceID</key>"
		"<integer>4294967296</integer></dict></plist>",
	};
	struct usbmux_message m;
	size_t used;

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++)
		assert_int_equal(read_payload(payloads[i], &m), -EBADMSG);
	make_frame(16, 0, 8, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), -EBADMSG);
	make_frame(16, 1, 3, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), -EBADMSG);
	make_frame(15, 1, 8, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), -EBADMSG);
}

static void oversize_is_refused_by_its_header(void **state)
{
	struct usbmux_message m;
	size_t used;

	make_frame(USBMUX_FRAME_MAX + 1, 1, 8, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), -EMSGSIZE);
	make_frame(UINT32_MAX, 1, 8, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), -EMSGSIZE);
	make_frame(USBMUX_FRAME_MAX, 1, 8, "");
	assert_int_equal(usbmux_frame_read(frame, 16, &used, &m), 0);
}

/* libplist frees by recursion: tens of thousands of arrays in each other would end the stack. */
static void deep_nesting_is_refused(void **state)
{
	char payload[60000] = "<plist>";
	struct usbmux_message m;

	while (strlen(payload) + 8 < sizeof(payload))
		strcat(payload + strlen(payload), "<array>");
	assert_int_equal(read_payload(payload, &m), -EBADMSG);
	/* Nor may a comment or a CDATA section hide it. */
	strcpy(payload, "<plist>");
	while (strlen(payload) + 40 < sizeof(payload))
		strcat(payload + strlen(payload), "<array><!--</array>-->");
	assert_int_equal(read_payload(payload, &m), -EBADMSG);
	assert_int_equal(read_payload("<plist><dict><key>a</key><string><![CDATA[</dict>]]>"
				      "</string></dict></plist>",
				 &m),
		-EBADMSG);
}

static void listen_frame(void **state)
{
	uint8_t out[1024];
	int length = usbmux_frame_listen(out, sizeof(out));
	struct usbmux_message m;
	size_t used;

	assert_true(length > 16);
	assert_int_equal(usbmux_frame_listen(out, (size_t)length - 1), -ENOSPC);
	assert_int_equal(usbmux_frame_read(out, (size_t)length, &used, &m), 1);
	assert_int_equal(m.kind, USBMUX_OTHER);
	assert_non_null(memmem(out, (size_t)length, "<string>Listen</string>", 23));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attached),
		cmocka_unit_test(odd_serials),
		cmocka_unit_test(result_and_detached),
		cmocka_unit_test(halves_wait),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(oversize_is_refused_by_its_header),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(listen_frame),
	};

	return cmocka_run_group_tests_name("usbmux_frame", tests, NULL, NULL);
}
