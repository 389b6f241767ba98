/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts_private.h"
#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/tool_age.h"
#include "common/model/known_tool.h"
#include "common/model/phone_model.h"

/* Some tools crash when the phone disappears during a transfer (idevicerestore 1.0.0 then uses
 * freed memory): such a crash is only a consequence. */
static bool has_crashed_tool(const struct attempt_view *a)
{
	return attempt_tool_crashed(a->attempt) && !a->attempt->health.unexpected_detaches;
}

attempt_test *fact_tool_crashed(const struct case_analysis *view)
{
	return any_failure(view, has_crashed_tool);
}

static int year_of_firmware(const struct attempt *attempt)
{
	int year = firmware_build_year(attempt->firmware_build);

	return year ? year : firmware_year(attempt->firmware);
}

static bool has_outdated_tool(const struct attempt_view *a)
{
	int year = year_of_firmware(a->attempt);
	int tool = year ? tool_version_year(a->attempt->tool, a->attempt->version) : 0;

	return tool && year > tool;
}

attempt_test *fact_tool_outdated(const struct case_analysis *view)
{
	return any_failure(view, has_outdated_tool);
}

attempt_test *fact_tool_precedes_model(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt *attempt = view->attempts[i].attempt;

		if (view->attempts[i].failed &&
			tool_precedes(attempt->tool, attempt->version, view->released))
			return shown_by_failures;
	}
	return NULL;
}

/* New models bring new parts, which tools of the community learn to serve later. Where the phone
 * reset itself or named a part, or the link had faults, that is no explanation. */
static bool may_be_too_new(const struct attempt_view *a)
{
	const struct known_tool *tool = known_tool_by_name(a->attempt->tool);

	return tool && tool->says == SAYS_COMMUNITY && !a->link_faulty && a->says != SAYS_PART &&
	       a->attempt->came_back == MODE_UNKNOWN;
}

attempt_test *fact_model_in_first_year(const struct case_analysis *view)
{
	int year = product_year(view->c->identity.product);

	for (size_t i = 0; i < view->count && year; i++)
		if (view->attempts[i].failed && may_be_too_new(&view->attempts[i]) &&
			year_of_firmware(view->attempts[i].attempt) == year)
			return may_be_too_new;
	return NULL;
}

static bool had_other_program(const struct attempt_view *a)
{
	return attempt_sign(a->attempt, SIGN_OTHER_PROGRAM) != NULL;
}

attempt_test *fact_other_program(const struct case_analysis *view)
{
	return any_failure(view, had_other_program);
}

static bool ended_by_server(const struct attempt_view *a)
{
	return a->of_server;
}

attempt_test *fact_server_ended(const struct case_analysis *view)
{
	return any_failure(view, ended_by_server);
}

static bool ended_off_link(const struct attempt_view *a)
{
	return a->off_link;
}

attempt_test *fact_ended_off_link(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].failed && !view->attempts[i].off_link)
			return NULL;
	return any_failure(view, ended_off_link);
}

static bool met_silent_server(const struct attempt_view *a)
{
	return attempt_server_silent(a->attempt);
}

attempt_test *fact_server_silent(const struct case_analysis *view)
{
	return any_failure(view, met_silent_server);
}

static bool has_lacking_tool(const struct attempt_view *a)
{
	return has_outdated_tool(a) || attempt_says(a, SAYS_TOOL);
}

attempt_test *fact_tool_lacking(const struct case_analysis *view)
{
	return any_failure(view, has_lacking_tool);
}

static bool was_overlooked(const struct attempt_view *a)
{
	return outside_overlooked(a->attempt);
}

attempt_test *fact_restore_mode_overlooked(const struct case_analysis *view)
{
	return any_failure(view, was_overlooked);
}
