/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `doctor` reads out of foreign text: units as systemd orders their lines, versions of tools
 * and firmware. */
#include "tests/unit/test.h"

#include <errno.h>

#include "client/doctor/service_unit.h"
#include "client/tool_version.h"
#include "common/base/macro.h"
#include "common/diagnosis/tool_age.h"

static void test_unit_lines(void **state)
{
	struct service_unit unit = {0};

	service_unit_take(&unit,
		"[Unit]\nExecStart=/of/another/section\n[Service]\n# ExecStart=/no\n"
		"ExecStart=/usr/sbin/usbmuxd --systemd\nExecStartPre=/bin/true");
	assert_string_equal(unit.start, "/usr/sbin/usbmuxd --systemd");
	service_unit_take(&unit, "[Service]\nExecStart=\nExecStart = /usr/sbin/usbmuxd -f\n"
				 "Restart=on-failure\nRestartSec=1s\n[Install]\nRestart=no\n");
	assert_string_equal(unit.start, "/usr/sbin/usbmuxd -f");
	assert_string_equal(unit.restart, "on-failure");
	service_unit_take(&unit, "");
	service_unit_take(&unit, "ExecStart=/in/no/section");
	assert_string_equal(unit.start, "/usr/sbin/usbmuxd -f");
}

static void test_tool_versions(void **state)
{
	static const struct {
		const char *answer, *version; /* NULL = it has none */
	} cases[] = {
		{"idevicerestore 1.0.0\n", "1.0.0"},
		{"idevicerestore 1.0.0-271-g45145e9-dirty (libirecovery 1.3.1)",
			"1.0.0-271-g45145e9-dirty"},
		{"warning\nidevicerestore: v2.1, of 2030", "2.1"},
		{"4.14.6\n", "4.14.6"},
		{"", NULL},
		{"idevicerestore", NULL},
		{"no such option\n", NULL},
	};
	char version[TOOL_VERSION_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = tool_version_read(cases[i].answer, "idevicerestore", version);

		assert_int_equal(r, cases[i].version ? 0 : -EBADMSG);
		if (cases[i].version)
			assert_string_equal(version, cases[i].version);
	}
}

static void test_years(void **state)
{
	assert_int_equal(tool_version_year("idevicerestore", "1.0.0"), 2020);
	assert_int_equal(tool_version_year("idevicerestore", "1.0.0-271-g45145e9"), 0);
	assert_int_equal(tool_version_year("futurerestore", "1.0.0"), 0);
	assert_int_equal(firmware_year("14.8"), 2020);
	assert_int_equal(firmware_year("18.6.2"), 2024);
	assert_int_equal(firmware_year("26.0"), 2025);
	assert_int_equal(firmware_year("20.0"), 0);
	assert_int_equal(firmware_year(""), 0);
	assert_int_equal(firmware_year("99999999999999999999"), 0);
	assert_true(firmware_is_older("13B143", "13D20"));
	assert_true(firmware_is_older("13D15", "13D20"));
	assert_true(firmware_is_older("9.1", "9.2.1"));
	assert_true(firmware_is_older("9.2", "9.2.1"));
	assert_true(firmware_is_older("13A340a", "13A344"));
	assert_false(firmware_is_older("13D20", "13D20"));
	assert_false(firmware_is_older("13E233", "13D20"));
	assert_false(firmware_is_older("21F90", "13D20"));
	assert_false(firmware_is_older("10.0", "9.2.1"));
	assert_false(firmware_is_older("9.1", "13D20"));
	assert_false(firmware_is_older("", "13D20"));
	assert_false(firmware_is_older("9", "13D20"));
	assert_false(firmware_is_older("old", "13D20"));
	assert_int_equal(tool_version_year("idevicerestore", "git-2020-06"), 2020);
	assert_int_equal(tool_version_year("futurerestore", "2.0+git20210623"), 2021);
	assert_int_equal(tool_version_year("idevicerestore", "git-1d7be05"), 0);
	assert_int_equal(tool_version_month("idevicerestore", "git-2020-06"), 202006);
	assert_int_equal(
		tool_version_month("idevicerestore", "1.0.1 (package 1.0.0+git20240709-1)"),
		202407);
	assert_int_equal(
		tool_version_month("idevicerestore", "1.0.0 (package 1.0.0+git20240709-1)"),
		202407);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0 (package 1.0.0-3)"), 202012);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0+git2024-1"), 202412);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.1 (package 1.0.1-1)"), 0);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0-60-g0123456"), 202112);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0-76"), 202112);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0-77-g0123456"), 202212);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0-270-g405fcd1"), 0);
	assert_int_equal(tool_version_month("idevicerestore", "1.0.0-60x"), 0);
	assert_int_equal(tool_version_month("futurerestore", "1.0.0-60-g0123456"), 0);
	assert_true(tool_precedes("idevicerestore", "1.0.0", 202109));
	assert_false(tool_precedes("idevicerestore", "1.0.0", 202010));
	assert_true(tool_precedes("idevicerestore", "1.0.1+git20240709", 202409));
	assert_false(tool_precedes("idevicerestore", "1.0.1+git20240709", 202407));
	assert_false(tool_precedes("idevicerestore", "1.0.1", 203001));
	assert_int_equal(firmware_build_year("14E277"), 2016);
	assert_int_equal(firmware_build_year("23A341"), 2025);
	assert_int_equal(firmware_build_year("99999999999999999999A1"), 0);
	assert_int_equal(firmware_build_year("17.4"), 0);
	assert_int_equal(firmware_build_year(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_lines),
		cmocka_unit_test(test_tool_versions),
		cmocka_unit_test(test_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
