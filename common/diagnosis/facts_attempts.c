/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/factor_values.h"
#include "common/diagnosis/facts_private.h"
#include "common/model/known_tool.h"

/* Pairs of computer and cable that must have failed where the points of failure differ. */
#define SETUPS_MIN 3

#define STOP_UPDATES 2	/* procedure.md, stop rule: updates after the link is proven */
#define STOP_FAILURES 5 /* and in total: each one writes to the storage */

static bool is_restore(const struct attempt_view *a)
{
	return !only_starts(a->attempt);
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
	return tool_says(a, SAYS_CUSTOM) || attempt_says(a, SAYS_CUSTOM);
}

static bool is_bench_fault(const struct attempt_view *a)
{
	return a->bench_fault;
}

static bool is_by_ended_mux(const struct attempt_view *a)
{
	return a->bench_fault && attempt_says(a, SAYS_MUX_ENDED);
}

static bool is_by_hiding_mux(const struct attempt_view *a)
{
	return a->bench_fault && attempt_says(a, SAYS_MUX_HIDES);
}

static attempt_test *any_attempt(const struct case_analysis *view, attempt_test *test)
{
	for (size_t i = 0; i < view->count; i++)
		if (test(&view->attempts[i]))
			return test;
	return NULL;
}

static bool is_of_group(const struct attempt_view *a)
{
	return a->in_group;
}

static bool is_clean_of_group(const struct attempt_view *a)
{
	return a->in_group && case_analysis_is_clean(a);
}

static bool worked_as_it_is(const struct attempt_view *a)
{
	return a->as_it_is;
}

bool shown_by_none(const struct attempt_view *a)
{
	return false;
}

bool shown_by_failures(const struct attempt_view *a)
{
	return a->failed;
}

bool shown_by_successes(const struct attempt_view *a)
{
	return a->succeeded;
}

bool is_about_successes(attempt_test *test)
{
	return test == shown_by_successes || test == worked_as_it_is ||
	       test == comparison_unchanged;
}

attempt_test *fact_failed(const struct case_analysis *view)
{
	return shown_if(view->failed_count + view->bench_fault_count > 0, shown_by_none);
}

attempt_test *fact_single_failure(const struct case_analysis *view)
{
	return shown_if(view->failed_count == 1, shown_by_failures);
}

attempt_test *fact_failed_twice(const struct case_analysis *view)
{
	return shown_if(view->failed_count >= 2, shown_by_failures);
}

attempt_test *fact_same_failure(const struct case_analysis *view)
{
	return shown_if(view->group_count >= 2 && !view->varying, is_of_group);
}

attempt_test *fact_varying_failure(const struct case_analysis *view)
{
	return shown_if(view->varying, shown_by_failures);
}

attempt_test *fact_bench_fault(const struct case_analysis *view)
{
	return shown_if(view->bench_fault_count > 0, is_bench_fault);
}

attempt_test *fact_bench_fault_twice(const struct case_analysis *view)
{
	return shown_if(view->bench_fault_count >= 2, is_bench_fault);
}

attempt_test *fact_bench_fault_only(const struct case_analysis *view)
{
	return shown_if(view->bench_fault_count > 0 && view->failed_count == 0, is_bench_fault);
}

attempt_test *fact_usbmuxd_ended(const struct case_analysis *view)
{
	return any_attempt(view, is_by_ended_mux);
}

attempt_test *fact_usbmuxd_hid_phone(const struct case_analysis *view)
{
	return any_attempt(view, is_by_hiding_mux);
}

attempt_test *fact_boot_failure(const struct case_analysis *view)
{
	return shown_if(
		view->failed_count > 0 && !any_failure(view, is_restore), shown_by_failures);
}

attempt_test *fact_unofficial_restore(const struct case_analysis *view)
{
	attempt_test *shown = any_failure(view, is_unofficial);
	bool told = case_has_history(view->c, "saved-blob-restore") ||
		    case_has_history(view->c, "custom-firmware");

	return shown ? shown : shown_if(told, shown_by_none);
}

attempt_test *fact_works_unchanged(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (comparison_unchanged(&view->attempts[i]))
			return comparison_unchanged;
	return NULL;
}

attempt_test *fact_dfu_tried(const struct case_analysis *view)
{
	return any_failure(view, is_from_dfu);
}

attempt_test *fact_update_tried(const struct case_analysis *view)
{
	return any_failure(view, is_update);
}

attempt_test *fact_stop_rule(const struct case_analysis *view)
{
	size_t updates = 0;

	for (size_t i = 0; i < view->count; i++)
		updates += view->attempts[i].failed && is_update(&view->attempts[i]);
	return shown_if(view->failed_count >= STOP_FAILURES ||
				(updates >= STOP_UPDATES && fact_dfu_tried(view)),
		shown_by_failures);
}

static size_t phone_worked(const struct case_analysis *view)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++)
		count += view->attempts[i].as_it_is;
	return count;
}

attempt_test *fact_phone_worked(const struct case_analysis *view)
{
	return shown_if(phone_worked(view) >= 1, worked_as_it_is);
}

attempt_test *fact_phone_worked_twice(const struct case_analysis *view)
{
	return shown_if(phone_worked(view) >= 2, worked_as_it_is);
}

static bool asks_for_newer_tool(const struct attempt_view *a)
{
	return attempt_says(a, SAYS_TOOL);
}

/* A step that failed while tool and phone were in contact, without naming a part, may be a fault of
 * the tool, unless the tool is from the maker of the firmware (procedure.md, Phase 1 step 6;
 * errors.txt, amr -1). */
static bool may_be_the_tool(const struct attempt_view *a)
{
	return tool_says(a, SAYS_COMMUNITY) && attempt_says(a, SAYS_STEP) &&
	       !case_analysis_log_lost_link(a) && a->says != SAYS_PART;
}

/* A single outdated tool fails everywhere. */
static bool tool_is_in_doubt(const struct case_analysis *view)
{
	return view->tools < 2 &&
	       (any_failure(view, asks_for_newer_tool) || any_failure(view, may_be_the_tool) ||
		       fact_tool_outdated(view));
}

attempt_test *fact_links_proven(const struct case_analysis *view)
{
	return shown_if(view->proven_computers >= 2 && view->proven_cables >= 2, is_of_group);
}

static bool stopped_at_volume(const struct attempt_view *a)
{
	return a->volume;
}

attempt_test *fact_volume_ended(const struct case_analysis *view)
{
	return any_failure(view, stopped_at_volume);
}

/* Nothing but the phone is known to be the same, or to have ended the restores. */
static bool phone_alone_remains(const struct case_analysis *view)
{
	return !fact_unofficial_restore(view) && !tool_is_in_doubt(view) &&
	       !fact_phone_worked(view);
}

attempt_test *fact_persists(const struct case_analysis *view)
{
	return shown_if(
		case_analysis_links_cleared(view) && phone_alone_remains(view), is_clean_of_group);
}

/* Something is known of how it failed, and nothing outside the phone ended it. */
static bool may_be_the_phone(const struct attempt_view *a)
{
	return a->failed && case_analysis_is_clean(a) && (a->link_known || a->says == SAYS_LINK);
}

/* Different pairs of computer and cable in those failures. */
static size_t count_setups(const struct case_analysis *view)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];
		bool seen = !may_be_the_phone(a) || !a->values[FACTOR_ID_HOST][0] ||
			    !a->values[FACTOR_ID_CABLE][0];

		for (size_t j = 0; j < i && !seen; j++) {
			const struct attempt_view *b = &view->attempts[j];

			seen = may_be_the_phone(b) &&
			       a->values[FACTOR_ID_HOST][0] == b->values[FACTOR_ID_HOST][0] &&
			       a->values[FACTOR_ID_CABLE][0] == b->values[FACTOR_ID_CABLE][0];
		}
		count += !seen;
	}
	return count;
}

attempt_test *fact_fails_everywhere(const struct case_analysis *view)
{
	return shown_if(comparison_count(view, FACTOR_ID_HOST, may_be_the_phone) >= 2 &&
				comparison_count(view, FACTOR_ID_CABLE, may_be_the_phone) >= 2 &&
				count_setups(view) >= SETUPS_MIN && phone_alone_remains(view),
		may_be_the_phone);
}
