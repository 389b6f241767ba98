/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts_private.h"
#include "common/model/phone_model.h"

/* It counts against a part only if the link was not at fault. */
static bool counts_against_part(const struct attempt_view *a)
{
	return !a->link_faulty;
}

static bool is_flex_out(const struct attempt_view *a)
{
	return a->flex == FLEX_DISCONNECTED && counts_against_part(a);
}

static bool is_flex_replaced(const struct attempt_view *a)
{
	return a->flex == FLEX_REPLACED && counts_against_part(a);
}

static bool is_minimal_boot(const struct attempt_view *a)
{
	return has_condition(a, "minimalBoot", "true") && counts_against_part(a);
}

static bool has_good_battery(const struct attempt_view *a)
{
	return has_condition(a, "battery", "known-good") && counts_against_part(a);
}

static bool has_other_battery(const struct attempt_view *a)
{
	return has_condition(a, "battery", "replaced") && counts_against_part(a);
}

static bool has_other_charge_flex(const struct attempt_view *a)
{
	const char *told = attempt_condition(a->attempt, "chargeFlex");

	return told && !word_is(told, "original") && counts_against_part(a);
}

bool fact_flex_untested(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->attempts[i].flex == FLEX_DISCONNECTED ||
			view->attempts[i].flex == FLEX_REPLACED)
			return false;
	return view->face_id;
}

static bool was_found_reset(const struct attempt_view *a)
{
	return code_says(NUMBERING_ITUNES, a->code) == SAYS_RESET;
}

bool fact_loops_and_resets(const struct case_analysis *view)
{
	return case_has_history(view->c, "boot-loop") && any_failure(view, was_found_reset);
}

bool fact_loops_by_itself(const struct case_analysis *view)
{
	return fact_loops_and_resets(view) ||
	       (case_has_history(view->c, "boot-loop") && case_has_history(view->c, "liquid"));
}

bool fact_audio_ic_model(const struct case_analysis *view)
{
	const struct model *model = model_by_product(view->c->identity.product);

	return model && model->audio_ic_comes_loose;
}

bool fact_face_id_model(const struct case_analysis *view)
{
	return view->face_id;
}

bool fact_no_face_id_model(const struct case_analysis *view)
{
	return view->model_known && !view->face_id;
}

bool fact_works_other_battery(const struct case_analysis *view)
{
	return case_analysis_works_within(view, VARIABLE_BIT(VARIABLE_BATTERY), ACTION) > 0;
}

bool fact_works_other_display(const struct case_analysis *view)
{
	return case_analysis_works_within(view, VARIABLE_BIT(VARIABLE_DISPLAY), ACTION) > 0;
}

bool fact_works_other_charge_flex(const struct case_analysis *view)
{
	return case_analysis_works_within(view, VARIABLE_BIT(VARIABLE_CHARGE_FLEX), ACTION) > 0;
}

bool fact_works_minimal_boot(const struct case_analysis *view)
{
	return case_analysis_works_within(view, VARIABLE_BIT(VARIABLE_MINIMAL_BOOT), ACTION) > 0;
}

/* Successes with the flex in `state`, with no change except the flex and `others`. */
static bool works_with_flex(
	const struct case_analysis *view, enum flex_state state, uint32_t others)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];

		if (a->flex == state && case_analysis_changed_within(a, FLEX, others))
			return true;
	}
	return false;
}

/* After failures on several links have cleared them, a changed link does not explain a success. An
 * update after a failed erase does less, not more. */
static uint32_t may_change_with_flex(const struct case_analysis *view)
{
	return ACTION | (fails_on_all_links(view) ? LINK_VARIABLES : 0);
}

bool fact_works_flex_out(const struct case_analysis *view)
{
	return works_with_flex(view, FLEX_DISCONNECTED, may_change_with_flex(view));
}

bool fact_works_flex_out_with_others(const struct case_analysis *view)
{
	return works_with_flex(
		       view, FLEX_DISCONNECTED, ACTION | LINK_VARIABLES | PHONE_VARIABLES) &&
	       !fact_works_flex_out(view);
}

bool fact_works_flex_replaced(const struct case_analysis *view)
{
	return works_with_flex(view, FLEX_REPLACED, may_change_with_flex(view));
}

/* The success with the flex disconnected, and the failure after reconnecting it without another
 * explanation. */
static bool flex_back_fails_after(const struct case_analysis *view, size_t success)
{
	const struct attempt_view *worked = &view->attempts[success];
	uint32_t others = may_change_with_flex(view);

	if (worked->flex != FLEX_DISCONNECTED ||
		!case_analysis_changed_within(worked, FLEX, others))
		return false;
	for (size_t i = success + 1; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];
		struct contrast contrast = case_analysis_contrast(worked, a);

		if (a->failed && a->flex == FLEX_CONNECTED && !a->link_faulty &&
			!((contrast.changed | contrast.doubtful) & ~(FLEX | others)))
			return true;
	}
	return false;
}

bool fact_flex_back_fails(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (flex_back_fails_after(view, i))
			return true;
	return false;
}

bool fact_fails_flex_out(const struct case_analysis *view)
{
	return any_failure(view, is_flex_out);
}

bool fact_fails_flex_replaced(const struct case_analysis *view)
{
	return any_failure(view, is_flex_replaced);
}

bool fact_fails_minimal_boot(const struct case_analysis *view)
{
	return any_failure(view, is_minimal_boot);
}

/* An aftermarket battery clears neither battery nor gauge: procedure.md requires a known-good one
 * with its original gauge. */
bool fact_fails_good_battery(const struct case_analysis *view)
{
	return any_failure(view, has_good_battery) ||
	       (!case_has_history(view->c, "third-party-battery") &&
		       any_failure(view, has_other_battery));
}

bool fact_fails_other_charge_flex(const struct case_analysis *view)
{
	return any_failure(view, has_other_charge_flex);
}
