/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts_private.h"
#include "common/model/phone_model.h"

/* It counts against a part only if the link was not at fault. */
static bool is_minimal_boot(const struct attempt_view *a)
{
	return has_condition(a, "minimalBoot", "true") && !a->link_faulty;
}

bool fact_flex_untested(const struct case_analysis *view)
{
	const struct attempt_view *shown;

	return view->face_id &&
	       !comparison_holds(view, RELATION_TRIED, FACTOR_ID_EARPIECE_FLEX, &shown);
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
	return view->no_face_id;
}

bool fact_fails_minimal_boot(const struct case_analysis *view)
{
	return any_failure(view, is_minimal_boot);
}

bool fact_all_parts_cleared(const struct case_analysis *view)
{
	return comparison_all_cleared(view);
}
