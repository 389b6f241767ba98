/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts_private.h"
#include "common/diagnosis/external_cause.h"
#include "common/diagnosis/tool_age.h"

bool fact_two_firmwares_tried(const struct case_analysis *view)
{
	return view->tried_firmwares >= 2;
}

bool fact_two_networks_tried(const struct case_analysis *view)
{
	return view->tried_networks >= 2;
}

bool fact_two_tools_failed(const struct case_analysis *view)
{
	return view->tried_tools >= 2;
}

/* Some tools crash when the phone disappears during a transfer (idevicerestore 1.0.0 then uses
 * freed memory): such a crash is only a consequence. */
static bool has_crashed_tool(const struct attempt_view *a)
{
	return attempt_tool_crashed(a->attempt) && !a->attempt->health.unexpected_detaches;
}

bool fact_tool_crashed(const struct case_analysis *view)
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
	int tool = tool_version_year(a->attempt->tool, a->attempt->version);

	return tool && year_of_firmware(a->attempt) > tool;
}

bool fact_tool_outdated(const struct case_analysis *view)
{
	return any_failure(view, has_outdated_tool);
}

bool fact_works_other_tool(const struct case_analysis *view)
{
	return case_analysis_works_within(view, TOOL, HOST_SOFTWARE) > 0;
}

bool fact_works_other_tool_twice(const struct case_analysis *view)
{
	return case_analysis_works_within(view, TOOL, HOST_SOFTWARE) >= 2;
}

bool fact_works_host_repaired(const struct case_analysis *view)
{
	return case_analysis_works(view, HOST_SOFTWARE) > 0;
}

bool fact_works_other_firmware(const struct case_analysis *view)
{
	return case_analysis_works(view, FIRMWARE) > 0;
}

bool fact_works_other_action(const struct case_analysis *view)
{
	return case_analysis_works(view, ACTION) > 0;
}

/* The technician may report it as a condition of the attempt or as a word of the history. */
bool fact_works_other_network(const struct case_analysis *view)
{
	return case_analysis_works(view, VARIABLE_BIT(VARIABLE_NETWORK)) > 0 ||
	       (case_has_history(view->c, "other-network-for-last-attempt") &&
		       case_analysis_works(view, 0) > 0);
}

bool fact_works_other_host_or_tool(const struct case_analysis *view)
{
	return case_analysis_works_within(view, HOST, LINK_VARIABLES | TOOL | HOST_SOFTWARE) >
	       case_analysis_works_within(view, HOST, LINK_VARIABLES);
}

static bool had_other_program(const struct attempt_view *a)
{
	return attempt_sign(a->attempt, SIGN_OTHER_PROGRAM) != NULL;
}

bool fact_other_program(const struct case_analysis *view)
{
	return any_failure(view, had_other_program);
}

static bool ended_by_server(const struct attempt_view *a)
{
	return outside_is_server(a->code, a->phone_code);
}

bool fact_server_ended(const struct case_analysis *view)
{
	return any_failure(view, ended_by_server);
}

static bool was_overlooked(const struct attempt_view *a)
{
	return outside_overlooked(a->attempt);
}

bool fact_restore_mode_overlooked(const struct case_analysis *view)
{
	return any_failure(view, was_overlooked);
}
