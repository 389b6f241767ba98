/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts_private.h"
#include "common/diagnosis/sign_says.h"
#include "common/model/known_tool.h"

#define STOP_UPDATES 2	/* procedure.md, stop rule: updates after the link is proven */
#define STOP_FAILURES 5 /* and in total: each one writes to the storage */

static bool is_restore(const struct attempt_view *a)
{
	return !word_is(a->attempt->action, "boot");
}

static bool is_from_dfu(const struct attempt_view *a)
{
	return a->attempt->entry == MODE_DFU;
}

static bool is_update(const struct attempt_view *a)
{
	return word_is(a->attempt->action, "update");
}

static bool tool_says(const struct attempt_view *a, enum says says)
{
	const struct known_tool *tool = known_tool_by_name(a->attempt->tool);

	return tool && tool->says == says;
}

static bool is_unofficial(const struct attempt_view *a)
{
	return tool_says(a, SAYS_CUSTOM) || attempt_says(a->attempt, SAYS_CUSTOM);
}

/* Whether an attempt with a bench fault shows that sign. */
static bool any_bench_fault(const struct case_analysis *view, enum says says)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].bench_fault && attempt_says(view->attempts[i].attempt, says))
			return true;
	return false;
}

bool fact_failed(const struct case_analysis *view)
{
	return view->failed_count + view->bench_fault_count > 0;
}

bool fact_single_failure(const struct case_analysis *view)
{
	return view->failed_count == 1;
}

bool fact_failed_twice(const struct case_analysis *view)
{
	return view->failed_count >= 2;
}

bool fact_same_failure(const struct case_analysis *view)
{
	return view->group_count >= 2 && !view->varying;
}

bool fact_varying_failure(const struct case_analysis *view)
{
	return view->varying;
}

bool fact_bench_fault(const struct case_analysis *view)
{
	return view->bench_fault_count > 0;
}

bool fact_bench_fault_twice(const struct case_analysis *view)
{
	return view->bench_fault_count >= 2;
}

bool fact_bench_fault_only(const struct case_analysis *view)
{
	return view->bench_fault_count > 0 && view->failed_count == 0;
}

bool fact_usbmuxd_ended(const struct case_analysis *view)
{
	return any_bench_fault(view, SAYS_MUX_ENDED);
}

bool fact_usbmuxd_hid_phone(const struct case_analysis *view)
{
	return any_bench_fault(view, SAYS_MUX_HIDES);
}

bool fact_boot_failure(const struct case_analysis *view)
{
	return view->failed_count > 0 && !any_failure(view, is_restore);
}

bool fact_unofficial_restore(const struct case_analysis *view)
{
	return case_has_history(view->c, "saved-blob-restore") ||
	       case_has_history(view->c, "custom-firmware") || any_failure(view, is_unofficial);
}

bool fact_works_unchanged(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (comparison_unchanged(&view->attempts[i]))
			return true;
	return false;
}

bool fact_dfu_tried(const struct case_analysis *view)
{
	return any_failure(view, is_from_dfu);
}

bool fact_update_tried(const struct case_analysis *view)
{
	return any_failure(view, is_update);
}

bool fact_stop_rule(const struct case_analysis *view)
{
	size_t updates = 0;

	for (size_t i = 0; i < view->count; i++)
		updates += view->attempts[i].failed && is_update(&view->attempts[i]);
	return view->failed_count >= STOP_FAILURES ||
	       (updates >= STOP_UPDATES && fact_dfu_tried(view));
}

/* Successes explained by a change outside the phone, or by no change: the phone works. */
static size_t phone_worked(const struct case_analysis *view)
{
	uint64_t outside = comparison_of_phase(view, PHASE_CONNECTION) |
			   comparison_of_phase(view, PHASE_SOFTWARE);
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];

		count += comparison_unchanged(a) || comparison_within(a, outside);
	}
	return count;
}

bool fact_phone_worked(const struct case_analysis *view)
{
	return phone_worked(view) >= 1;
}

bool fact_phone_worked_twice(const struct case_analysis *view)
{
	return phone_worked(view) >= 2;
}

static bool asks_for_newer_tool(const struct attempt_view *a)
{
	return attempt_says(a->attempt, SAYS_TOOL);
}

/* A step that failed while tool and phone were in contact, without naming a part, may be a fault of
 * the tool, unless the tool is from the maker of the firmware (procedure.md, Phase 1 step 6;
 * errors.txt, amr -1). */
static bool may_be_the_tool(const struct attempt_view *a)
{
	return tool_says(a, SAYS_COMMUNITY) && attempt_says(a->attempt, SAYS_STEP) &&
	       !case_analysis_log_lost_link(a->attempt) && a->says != SAYS_PART;
}

/* A single outdated tool fails everywhere. */
static bool tool_is_in_doubt(const struct case_analysis *view)
{
	return view->tools < 2 &&
	       (any_failure(view, asks_for_newer_tool) || any_failure(view, may_be_the_tool) ||
		       fact_tool_outdated(view));
}

bool fails_on_all_links(const struct case_analysis *view)
{
	return view->clean_computers >= 2 && view->clean_cables >= 2;
}

bool fact_links_proven(const struct case_analysis *view)
{
	return view->proven_computers >= 2 && view->proven_cables >= 2;
}

static bool stopped_at_volume(const struct attempt_view *a)
{
	return a->volume;
}

bool fact_volume_ended(const struct case_analysis *view)
{
	return any_failure(view, stopped_at_volume);
}

bool fact_persists(const struct case_analysis *view)
{
	return fails_on_all_links(view) && !fact_unofficial_restore(view) &&
	       !tool_is_in_doubt(view) && !fact_phone_worked(view);
}
