/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of factors, and the nearest word for one with a typo. */
#include "common/model/factor.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/attempt.h"
#include "tests/unit/test.h"

static void a_typo_finds_its_word(void **state)
{
	static const struct {
		const char *typed, *meant; /* NULL = no word is like it */
	} rows[] = {
		{"chargeFlexx", "chargeFlex"},
		{"chargeflex", "chargeFlex"},
		{"charge-flex", "chargeFlex"},
		{"cabel", "cable"},
		{"batery", "battery"},
		{"earpiece", "earpieceFlex"},
		{"hostsoftwar", "hostSoftware"},
		{"camera", "rearCamera"},
		{"lowerboard", "lowerBoard"},
		{"cable", "cable"},
		{"x", NULL},
		{"", NULL},
		{"colourOfTheBox", NULL},
		{"chargeFlexOfAnotherPhoneThatIsBlack", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *found = factor_nearest_key(rows[i].typed);

		if (!found != !rows[i].meant || (found && !text_equal(found, rows[i].meant)))
			fail_msg("%s: %s", rows[i].typed, found ? found : "none");
	}
}

static void values_are_those_of_the_table(void **state)
{
	const struct factor *battery = factor_by_key("battery");

	assert_non_null(battery);
	assert_true(factor_takes(battery, "known-good"));
	assert_true(factor_takes(battery, "third-party"));
	assert_true(factor_takes(battery, "unknown"));
	assert_false(factor_takes(battery, "knowngood"));
	assert_string_equal(factor_nearest_value(battery, "knowngood"), "known-good");
	assert_string_equal(factor_nearest_value(battery, "replacd"), "replaced");
	assert_null(factor_nearest_value(battery, "swollen"));
	assert_false(factor_takes(factor_by_key("display"), "third-party"));
	assert_true(factor_takes(factor_by_key("cable"), "L07, the white one"));
	assert_false(factor_takes(factor_by_key("minimalBoot"), "yes"));
	assert_null(factor_by_key("chargeFlexx"));
}

/* What the engine relies on: parts stand last, each factor has a value to read. */
static void the_table_is_whole(void **state)
{
	size_t count, parts = 0;
	const struct factor *factors = factor_all(&count);

	for (size_t i = 0; i < count; i++) {
		bool is_part = factors[i].side == FACTOR_PART;

		assert_true(strlen(factors[i].key) < CONDITION_KEY_SIZE);
		assert_true(factors[i].side == FACTOR_LABEL || factors[i].reads[0]);
		assert_true(!parts || is_part || factors[i].side == FACTOR_LABEL);
		assert_true(!is_part || factor_takes(&factors[i], "disconnected"));
		parts += is_part;
	}
	assert_true(parts >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_typo_finds_its_word),
		cmocka_unit_test(values_are_those_of_the_table),
		cmocka_unit_test(the_table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
