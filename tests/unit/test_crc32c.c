/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ring/crc32c.h"

#include <string.h>

#include "common/base/macro.h"
#include "tests/unit/test.h"

/* The examples of RFC 3720, appendix B.4, and the check value of the CRC catalogues. */
static void known_values(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], rising[32];

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < sizeof(rising); i++)
		rising[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, sizeof(ones)), 0x62a8ab43);
	assert_int_equal(crc32c(0, rising, sizeof(rising)), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void hardware_equals_table(void **state)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + (i >> 3));
	for (size_t start = 0; start < 9; start++)
		for (size_t length = 0; length + start <= sizeof(bytes); length++)
			assert_int_equal(crc32c(7, bytes + start, length),
				crc32c_table(7, bytes + start, length));
}

static void continues(void **state)
{
	const char text[] = "detach of 1-2.3 in the middle of a restore";

	for (size_t cut = 0; cut < sizeof(text); cut++)
		assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - cut),
			crc32c(0, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(hardware_equals_table),
		cmocka_unit_test(continues),
	};

	return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
