/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/quota.h"
#include "tests/unit/test.h"

#define LIMIT UINT64_C(1000003) /* no multiple of a day's seconds */
#define HOUR_S 3600

static struct quota quota;

static bool spend(uid_t user, uint64_t bytes, uint64_t now_s)
{
	return quota_spend(&quota, user, bytes, LIMIT, now_s);
}

static void each_user_has_a_limit(void **state)
{
	quota = (struct quota){0};
	assert_true(spend(1000, LIMIT - 1, 0));
	assert_false(spend(1000, 2, 0));
	assert_true(spend(1000, 1, 0));
	assert_false(spend(1000, 1, 0));
	assert_true(spend(1001, LIMIT, 0));
	assert_false(spend(1002, LIMIT + 1, 0));
	assert_false(spend(1002, UINT64_MAX, 0));
}

static void it_is_forgotten_evenly_over_a_day(void **state)
{
	uint64_t sent = 0;

	quota = (struct quota){0};
	assert_true(spend(1000, LIMIT, 0));
	assert_false(spend(1000, LIMIT / 2, 11 * HOUR_S));
	assert_true(spend(1000, LIMIT / 2 - 2, 12 * HOUR_S));
	/* A user who tries every second of a day is not forgiven more than a day's bytes. */
	quota = (struct quota){0};
	assert_true(spend(1000, LIMIT, 0));
	for (uint64_t now_s = 1; now_s <= 24 * HOUR_S; now_s++)
		while (spend(1000, 1, now_s))
			sent++;
	assert_in_range(sent, LIMIT * 9 / 10, LIMIT);
	/* A clock that does not advance, or a month, is fine. */
	assert_false(spend(1000, LIMIT, 0));
	assert_true(spend(1000, LIMIT, 720 * HOUR_S));
}

static void more_users_than_entries_are_served(void **state)
{
	quota = (struct quota){0};
	assert_true(spend(1, LIMIT, 0));
	for (uid_t user = 2; user < 10 * QUOTA_USERS_MAX; user++)
		assert_true(spend(user, 100 + user, 0));
	/* Who sent most is not forgotten. */
	assert_false(spend(1, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_user_has_a_limit),
		cmocka_unit_test(it_is_forgotten_evenly_over_a_day),
		cmocka_unit_test(more_users_than_entries_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
