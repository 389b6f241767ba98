/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "common/diagnosis/facts_private.h"

static bool is_link_faulty(const struct attempt_view *a)
{
	return a->link_faulty;
}

/* If Apple's server ended the restore, the phone left because of that. */
static bool is_link_broken(const struct attempt_view *a)
{
	const struct attempt *attempt = a->attempt;

	if (attempt->status_known || attempt_says(a, SAYS_SERVER))
		return false;
	return attempt_says(a, SAYS_LINK_LOST) ||
	       (attempt->tool[0] && attempt->health.unexpected_detaches);
}

/* Hubs between the computer's port and the phone; -1 = unknown. */
static int hub_depth(const struct attempt_view *a)
{
	const char *told = attempt_condition(a->attempt, "hubDepth");

	if (told && told[0] >= '0' && told[0] <= '9')
		return atoi(told);
	return a->attempt->health.hub_depth_known ? (int)a->attempt->health.hub_depth : -1;
}

static bool is_behind_hub(const struct attempt_view *a)
{
	return hub_depth(a) > 0;
}

static bool is_behind_two_hubs(const struct attempt_view *a)
{
	return hub_depth(a) > 1;
}

static bool is_on_direct_port(const struct attempt_view *a)
{
	return hub_depth(a) == 0 && !a->link_faulty;
}

static bool has_no_cable_label(const struct attempt_view *a)
{
	return !a->values[FACTOR_ID_CABLE][0];
}

attempt_test *fact_link_faulty(const struct case_analysis *view)
{
	return any_failure(view, is_link_faulty);
}

static bool had_over_current(const struct attempt_view *a)
{
	return a->attempt->health.over_currents > 0;
}

attempt_test *fact_link_broken(const struct case_analysis *view)
{
	return any_failure(view, is_link_broken);
}

attempt_test *fact_over_current(const struct case_analysis *view)
{
	return any_failure(view, had_over_current);
}

attempt_test *fact_link_clean(const struct case_analysis *view)
{
	return shown_if(
		view->failed_count > 0 && !any_failure(view, is_link_faulty), shown_by_failures);
}

attempt_test *fact_behind_hub(const struct case_analysis *view)
{
	return any_failure(view, is_behind_hub);
}

attempt_test *fact_deep_hub(const struct case_analysis *view)
{
	return any_failure(view, is_behind_two_hubs);
}

attempt_test *fact_direct_port_failed(const struct case_analysis *view)
{
	return any_failure(view, is_on_direct_port);
}

attempt_test *fact_cable_unknown(const struct case_analysis *view)
{
	return any_failure(view, has_no_cable_label);
}

attempt_test *fact_swap_unknown(const struct case_analysis *view)
{
	return view->failed_count >= 2 ? fact_cable_unknown(view) : NULL;
}

static bool was_quiet(const struct attempt_view *a, enum link_quiet quiet)
{
	for (size_t i = 0; i < a->attempt->overrun_count; i++)
		if (a->attempt->overruns[i].quiet == quiet)
			return true;
	return false;
}

static bool phone_only_sent(const struct attempt_view *a)
{
	return was_quiet(a, LINK_QUIET_ONLY_SENDS);
}

static bool phone_took_nothing(const struct attempt_view *a)
{
	return was_quiet(a, LINK_QUIET_TAKES_NOTHING) || phone_only_sent(a);
}

static bool computer_was_silent(const struct attempt_view *a)
{
	return was_quiet(a, LINK_QUIET_HOSTS_TURN);
}

attempt_test *fact_phone_took_nothing(const struct case_analysis *view)
{
	return any_failure(view, phone_took_nothing);
}

attempt_test *fact_phone_only_sent(const struct case_analysis *view)
{
	return any_failure(view, phone_only_sent);
}

attempt_test *fact_computer_silent(const struct case_analysis *view)
{
	return any_failure(view, computer_was_silent);
}
