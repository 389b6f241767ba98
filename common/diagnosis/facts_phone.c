/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/factor_values.h"
#include "common/diagnosis/facts_private.h"
#include "common/model/phone_model.h"

/* It counts against a part only if the link was not at fault. */
static bool is_minimal_boot(const struct attempt_view *a)
{
	return only_minimal(a->attempt) && !a->link_faulty;
}

attempt_test *fact_flex_untested(const struct case_analysis *view)
{
	const struct attempt_view *shown;

	return shown_if(view->face_id && !comparison_holds(view, RELATION_TRIED,
						 FACTOR_ID_EARPIECE_FLEX, &shown),
		shown_by_none);
}

static bool was_found_reset(const struct attempt_view *a)
{
	return code_says(NUMBERING_ITUNES, a->code) == SAYS_RESET;
}

attempt_test *fact_loops_and_resets(const struct case_analysis *view)
{
	return case_has_history(view->c, "boot-loop") ? any_failure(view, was_found_reset) : NULL;
}

attempt_test *fact_loops_by_itself(const struct case_analysis *view)
{
	attempt_test *resets = fact_loops_and_resets(view);
	bool wet = case_has_history(view->c, "boot-loop") && case_has_history(view->c, "liquid");

	return resets ? resets : shown_if(wet, shown_by_none);
}

attempt_test *fact_audio_ic_model(const struct case_analysis *view)
{
	const struct model *model = model_by_product(view->c->identity.product);

	return shown_if(model_has(model, HARDWARE_AUDIO_IC), shown_by_none);
}

attempt_test *fact_face_id_model(const struct case_analysis *view)
{
	return shown_if(view->face_id, shown_by_none);
}

attempt_test *fact_no_face_id_model(const struct case_analysis *view)
{
	return shown_if(view->no_face_id, shown_by_none);
}

attempt_test *fact_fails_minimal_boot(const struct case_analysis *view)
{
	return any_failure(view, is_minimal_boot);
}

attempt_test *fact_all_parts_cleared(const struct case_analysis *view)
{
	return shown_if(comparison_all_cleared(view), shown_by_failures);
}
