/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people, phones and programs write in one word or line: identifiers, places, times, versions,
 * the serial string of a USB device, the id of a computer, a word that text_clean() must make
 * harmless. */
#include <assert.h>
#include <string.h>

#include "client/run/piece.h"
#include "client/time_parse.h"
#include "client/tool_version.h"
#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/host_id.h"
#include "common/model/usb_identity.h"
#include "common/store/conditions.h"
#include "common/store/filter.h"
#include "common/wire/json.h"
#include "tests/fuzz/fuzz.h"

#define NOW_US INT64_C(1795000000000000)

/* What is read is written and read back alike. */
static void check_identifiers(const char *text)
{
	char ecid_text[ECID_TEXT_SIZE], udid[UDID_SIZE], again[UDID_SIZE],
		uuid_text[UUID_TEXT_SIZE];
	struct uuid uuid, same;
	uint64_t ecid, back;
	int r;

	if (ecid_parse(text, &ecid) == 0 && ecid) {
		ecid_format(ecid, ecid_text);
		r = ecid_parse(ecid_text, &back);
		assert(r == 0 && back == ecid);
	}
	if (udid_normalize(text, udid) == 0) {
		r = udid_normalize(udid, again);
		assert(r == 0 && text_equal(udid, again));
		(void)udid_ecid(udid);
	}
	if (uuid_parse(text, &uuid) == 0) {
		uuid_format(&uuid, uuid_text);
		r = uuid_parse(uuid_text, &same);
		assert(r == 0 && uuid_equal(&uuid, &same));
	}
}

static void check_usb(const char *text)
{
	static const uint16_t products[] = {0x1227, 0x1281, 0x12a8, 0x1290};
	char program[BOOT_PROGRAM_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		struct usb_identity identity = usb_identity_read(products[i], text);

		boot_program_write(&identity.program, program);
	}
	if (usb_port_ok(text, strlen(text)))
		(void)usb_hub_depth(text);
}

static void check_clean(const char *bytes, size_t length)
{
	CLEANUP(freep) char *out = malloc(length + 1);
	CLEANUP(freep) char *piece = malloc(length + 1);
	size_t written;

	if (!out || !piece)
		return;
	written = text_clean(bytes, length, out, length + 1);
	assert(written <= length && text_is_utf8(out, written));
	for (size_t i = 0; i < written; i++)
		assert(text_control(out + i, written - i) == 0);
	memcpy(piece, bytes, length);
	written = piece_prepare(piece, length, true);
	assert(written <= length && text_is_utf8(piece, written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = strndup((const char *)data, size);
	char version[TOOL_VERSION_SIZE];
	struct place place;
	int64_t moment_us;

	if (!text)
		return 0;
	check_identifiers(text);
	check_usb(text);
	check_clean((const char *)data, size);
	(void)place_parse(text, &place);
	(void)moment_read(text, NOW_US, &moment_us);
	(void)tool_version_read(text, "idevicerestore", version);
	(void)(host_id_is_valid(text) && host_id_is_ambiguous(text, text));
	return 0;
}
