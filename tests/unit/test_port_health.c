/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a port shows over time: each over-current once, sleep when it begins, and whether a silent
 * wait is one in which nothing moved. */
#include "tests/unit/test.h"

#include "common/model/port_health.h"

static struct event effects[PORTWATCH_EFFECTS_MAX];

static struct stamp at(uint64_t seconds)
{
	return (struct stamp){.monotonic_us = seconds * USEC_PER_SEC};
}

static struct port_facts transfers(uint64_t number)
{
	return (struct port_facts){.transfers_known = true, .transfers = number};
}

static size_t take(struct port_health *watch, uint64_t seconds, struct port_facts facts)
{
	return port_health_take(watch, at(seconds), "1-2", &facts, effects);
}

static enum silence_transfers since(
	const struct port_health *watch, uint64_t began_s, uint64_t now_s)
{
	return port_health_since(watch, began_s * USEC_PER_SEC, now_s * USEC_PER_SEC);
}

static void test_transfers(void **state)
{
	struct port_health watch = {0};

	assert_int_equal(since(&watch, 0, 100), SILENCE_TRANSFERS_UNKNOWN);
	assert_int_equal(take(&watch, 10, transfers(500)), 0);
	take(&watch, 21, transfers(510));
	take(&watch, 120, transfers(510));
	/* The last word of a wait that began at 20. */
	assert_int_equal(since(&watch, 20, 120), SILENCE_NO_TRANSFERS);
	take(&watch, 121, transfers(511));
	assert_int_equal(since(&watch, 20, 130), SILENCE_TRANSFERS);
}

static void test_a_phone_that_was_away_is_not_known(void **state)
{
	struct port_health watch = {0};

	take(&watch, 10, transfers(500));
	take(&watch, 60, (struct port_facts){0});
	assert_int_equal(since(&watch, 20, 120), SILENCE_TRANSFERS_UNKNOWN);
	take(&watch, 61, transfers(500));
	assert_int_equal(since(&watch, 20, 120), SILENCE_TRANSFERS_UNKNOWN);
	assert_int_equal(since(&watch, 60, 160), SILENCE_NO_TRANSFERS);
}

static void test_over_currents(void **state)
{
	struct port_facts facts = {.over_currents_known = true, .over_currents = 7};
	struct port_health watch = {0};

	/* What was before the session does not count in it. */
	assert_int_equal(take(&watch, 1, facts), 1);
	assert_int_equal(effects[0].kind, EVENT_PORT);
	assert_string_equal(effects[0].name, "over-current");
	assert_string_equal(effects[0].port, "1-2");
	assert_int_equal(effects[0].number, 0);
	assert_int_equal(take(&watch, 2, facts), 0);
	facts.over_currents = 9;
	assert_int_equal(take(&watch, 3, facts), 1);
	assert_int_equal(effects[0].number, 2);
	assert_int_equal(take(&watch, 4, (struct port_facts){0}), 0);
	assert_int_equal(take(&watch, 5, facts), 0);
	/* The hub was plugged in anew and counts from 0. */
	facts.over_currents = 0;
	assert_int_equal(take(&watch, 6, facts), 0);
	facts.over_currents = 1;
	assert_int_equal(take(&watch, 7, facts), 1);
	assert_int_equal(effects[0].number, 1);
	/* Another port. */
	assert_int_equal(port_health_take(&watch, at(8), "1-3", &facts, effects), 1);
	assert_int_equal(effects[0].number, 0);
	assert_string_equal(effects[0].port, "1-3");
}

static void test_sleep(void **state)
{
	const struct port_facts asleep = {.suspended = true};
	struct port_health watch = {0};

	assert_int_equal(take(&watch, 1, asleep), 1);
	assert_string_equal(effects[0].name, "suspended");
	assert_int_equal(take(&watch, 2, asleep), 0);
	assert_int_equal(take(&watch, 3, (struct port_facts){0}), 0);
	assert_int_equal(take(&watch, 4, asleep), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_a_phone_that_was_away_is_not_known),
		cmocka_unit_test(test_over_currents),
		cmocka_unit_test(test_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
