/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/cure.h"
#include "common/diagnosis/factor_values.h"
#include "common/diagnosis/facts_private.h"
#include "common/model/phone_model.h"

#define UNTOLD_LEAST 3 /* failures after which labels are asked for, and no other cable */

attempt_test *fact_works_now(const struct case_analysis *view)
{
	struct cure cure;

	return shown_if(cure_find(view, &cure), shown_by_successes);
}

attempt_test *fact_works_now_parts_off(const struct case_analysis *view)
{
	struct cure cure;

	return shown_if(cure_find(view, &cure) && cure.parts_off, shown_by_successes);
}

attempt_test *fact_works_now_part_replaced(const struct case_analysis *view)
{
	struct cure cure;

	return shown_if(cure_find(view, &cure) && cure.parts_replaced, shown_by_successes);
}

attempt_test *fact_works_now_board_on_trial(const struct case_analysis *view)
{
	struct cure cure;

	return shown_if(cure_find(view, &cure) && cure.board_on_trial, shown_by_successes);
}

/* An erase is never repeated; and where only a start was tried, there is no restore to repeat. */
attempt_test *fact_works_now_by_one_update(const struct case_analysis *view)
{
	struct cure cure;

	return shown_if(cure_find(view, &cure) && cure.successes == 1 &&
				!word_is(cure.last->attempt->action, "erase") &&
				!only_starts(cure.last->attempt),
		shown_by_successes);
}

static bool is_start(const struct attempt_view *a)
{
	return only_starts(a->attempt);
}

attempt_test *fact_fails_by_itself(const struct case_analysis *view)
{
	attempt_test *start = any_failure(view, is_start);

	return start ? start : fact_loops_by_itself(view);
}

attempt_test *fact_comes_and_goes(const struct case_analysis *view)
{
	return fact_works_now(view) ? NULL : fact_works_unchanged(view);
}

attempt_test *fact_other_device(const struct case_analysis *view)
{
	return shown_if(view->lacks & HARDWARE_FLEXES, shown_by_none);
}

attempt_test *fact_layered_model(const struct case_analysis *view)
{
	const struct model *model = model_by_product(view->c->identity.product);

	return shown_if(model_has(model, HARDWARE_LAYERED), shown_by_none);
}

static bool is_part_named(const struct attempt_view *a)
{
	return a->says == SAYS_PART || attempt_sign(a->attempt, "storage-not-found");
}

attempt_test *fact_part_named(const struct case_analysis *view)
{
	return any_failure(view, is_part_named);
}

static bool failed_with_label(const struct attempt_view *a)
{
	return a->failed && attempt_condition(a->attempt, "cable");
}

attempt_test *fact_cables_untold(const struct case_analysis *view)
{
	size_t told = 0;

	for (size_t i = 0; i < view->count; i++)
		told += failed_with_label(&view->attempts[i]);
	return shown_if(view->failed_count >= UNTOLD_LEAST && told < 2, shown_by_failures);
}

static bool failed_on_faulty_link(const struct attempt_view *a)
{
	return a->failed && a->link_faulty;
}

attempt_test *fact_link_faulty_everywhere(const struct case_analysis *view)
{
	return shown_if(comparison_count(view, FACTOR_ID_CABLE, failed_on_faulty_link) >= 2 &&
				comparison_count(view, FACTOR_ID_HOST, failed_on_faulty_link) >= 2,
		failed_on_faulty_link);
}

static bool worked_with_part_off(const struct attempt_view *a)
{
	if (a->succeeded && only_minimal(a->attempt))
		return true;
	for (size_t i = 0; a->succeeded && i < a->attempt->condition_count; i++)
		if (word_is(a->attempt->conditions[i].value, "disconnected"))
			return true;
	return false;
}

attempt_test *fact_worked_parts_off(const struct case_analysis *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (worked_with_part_off(&view->attempts[i]))
			return shown_by_successes;
	return NULL;
}
