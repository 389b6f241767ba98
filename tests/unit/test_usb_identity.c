/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/usb_identity.h"

#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"

static void mode_by_product(void **state)
{
	static const struct {
		uint16_t product_id;
		enum device_mode mode;
	} cases[] = {
		{0x1227, MODE_DFU}, {0x1222, MODE_WTF}, {0x127f, MODE_UNKNOWN},
		{0x1280, MODE_RECOVERY}, {0x1281, MODE_RECOVERY}, {0x1283, MODE_RECOVERY},
		{0x1284, MODE_UNKNOWN}, {0x128f, MODE_UNKNOWN}, {0x1290, MODE_NORMAL_OR_RESTORE},
		{0x12a8, MODE_NORMAL_OR_RESTORE}, {0x12af, MODE_NORMAL_OR_RESTORE},
		{0x12b0, MODE_UNKNOWN}, {0x1901, MODE_NORMAL_OR_RESTORE}, {0x1906, MODE_UNKNOWN},
		{0x8600, MODE_NORMAL_OR_RESTORE}, {0xf014, MODE_PORT_DFU}, {0x1881, MODE_PORT_DFU},
		{0x024f, MODE_UNKNOWN}, /* a keyboard */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(usb_product_mode(cases[i].product_id), cases[i].mode);
}

static void recovery_serial(void **state)
{
	struct usb_identity id = usb_identity_read(0x1281,
		"CPID:8030 CPRV:11 CPFM:03 SCEP:01 BDID:06 ECID:001C2D6A3C8A802E IBFL:3D "
		"SRNM:[F4GZQ0AAAAAA]");

	assert_int_equal(id.mode, MODE_RECOVERY);
	assert_true(id.ecid == 0x001C2D6A3C8A802E);
	assert_string_equal(id.udid, "");
	assert_non_null(id.model);
	assert_string_equal(id.model->product, "iPhone12,3");
}

static void dfu_serial(void **state)
{
	struct usb_identity id = usb_identity_read(0x1227,
		"CPID:8015 CPRV:11 CPFM:03 SCEP:01 BDID:06 ECID:000A11112222333E IBFL:3C "
		"SRTG:[iBoot-3332.0.0.1.23] PWND:[BDID:07 ECID:1]");

	assert_int_equal(id.mode, MODE_DFU);
	assert_true(id.ecid == 0x000A11112222333E);
	assert_string_equal(id.model->product, "iPhone10,3");
}

static void normal_serial(void **state)
{
	struct usb_identity id = usb_identity_read(0x12a8, "00008030001C2D6A3C8A802E");

	assert_int_equal(id.mode, MODE_NORMAL_OR_RESTORE);
	assert_string_equal(id.udid, "00008030-001C2D6A3C8A802E");
	assert_true(id.ecid == 0x001C2D6A3C8A802E);
	assert_null(id.model);

	id = usb_identity_read(0x12a8, "AABBCCDDEEFF00112233445566778899AABBCCDD");
	assert_string_equal(id.udid, "aabbccddeeff00112233445566778899aabbccdd");
	assert_true(id.ecid == 0);
}

static void odd_serials_tell_nothing(void **state)
{
	static const char *const serials[] = {
		"",
		" ",
		"[",
		"ECID:",
		"ECID: CPID: BDID:",
		"ECID:00112233445566778 CPID:8030",
		"ECID:0x11 CPID:80 30 BDID:06",
		"ECID:!! CPID:8030 BDID:",
		"XECID:11",
		"CPID:ffffffffffffffff BDID:ffffffffffffffff",
		"\xff\xfe\x01 SRNM:[ECID:11",
	};

	for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
		struct usb_identity id = usb_identity_read(0x1281, serials[i]);

		assert_int_equal(id.mode, MODE_RECOVERY);
		assert_true(id.ecid == 0);
		assert_null(id.model);
		id = usb_identity_read(0x12a8, serials[i]);
		assert_string_equal(id.udid, "");
		assert_true(id.ecid == 0);
	}
	assert_int_equal(usb_identity_read(0x1281, NULL).mode, MODE_RECOVERY);
}

static struct boot_program program_of(const char *serial)
{
	return usb_identity_read(0x1281, serial).program;
}

/* Of the string nothing but the flags is kept: the rest names the phone. */
static void boot_programs(void **state)
{
	struct boot_program iboot = program_of("SDOM:01 CPID:8030 BDID:06 ECID:001C2D6A3C8A802E "
					       "IBFL:3D SRNM:[F4GZQ0AAAAAA] IMEI:[356]");
	struct boot_program mangled = program_of("CPID:8030 IBFL:3D SRNM: F4GZQ0AAAAAA ");
	struct boot_program rom = usb_identity_read(0x1227, "IBFL:3C SRTG:[iBoot-3332]").program;
	struct boot_program ibec = program_of("IBFL:00 SRNM:[84033X]");
	struct boot_program bare = program_of("CPID:8140 IBFL:3D SIKA:00");
	struct boot_program unknown = program_of("CPID:8030 SRNM:[F4G] IBFL:xx");
	char text[BOOT_PROGRAM_SIZE];

	boot_program_write(&iboot, text);
	assert_string_equal(text, "IBFL:3D SRNM");
	assert_false(boot_program_differs(&iboot, &mangled));
	boot_program_write(&rom, text);
	assert_string_equal(text, "IBFL:3C");
	boot_program_write(&unknown, text);
	assert_string_equal(text, "");

	assert_false(boot_program_is_loaded(&iboot) || boot_program_is_loaded(&bare));
	assert_true(boot_program_is_loaded(&ibec));
	assert_true(boot_program_follows(&iboot, &ibec));
	assert_true(boot_program_follows(&iboot, &bare));
	assert_true(boot_program_follows(&rom, &ibec));
	assert_false(boot_program_follows(&ibec, &iboot));
	assert_false(boot_program_follows(&bare, &iboot));
	assert_false(boot_program_follows(&iboot, &mangled));
	assert_false(boot_program_follows(&iboot, &unknown));
	assert_false(boot_program_follows(&unknown, &ibec));
}

static void an_attach_tells_its_program(void **state)
{
	struct event attach = {.kind = EVENT_ATTACH, .source = SOURCE_USB};

	assert_false(boot_program_of(&attach).known);
	attach.text = "IBFL:1D SRNM and what is not of it";
	attach.text_length = strlen("IBFL:1D SRNM");
	assert_true(boot_program_of(&attach).named && boot_program_of(&attach).flags == 0x1d);
	attach.source = SOURCE_TOOL;
	assert_false(boot_program_of(&attach).known);
}

static void hubs_of_a_port(void **state)
{
	assert_int_equal(usb_hub_depth("1-2"), 0);
	assert_int_equal(usb_hub_depth("1-2.3"), 1);
	assert_int_equal(usb_hub_depth("3-1.4.2.1"), 3);
	assert_int_equal(usb_hub_depth(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_by_product),
		cmocka_unit_test(recovery_serial),
		cmocka_unit_test(dfu_serial),
		cmocka_unit_test(normal_serial),
		cmocka_unit_test(odd_serials_tell_nothing),
		cmocka_unit_test(boot_programs),
		cmocka_unit_test(an_attach_tells_its_program),
		cmocka_unit_test(hubs_of_a_port),
	};

	return cmocka_run_group_tests_name("usb_identity", tests, NULL, NULL);
}
