/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/cure.h"
#include "common/diagnosis/facts_private.h"
#include "common/model/phone_model.h"

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
				!word_is(cure.last->attempt->action, "boot"),
		shown_by_successes);
}

static bool is_start(const struct attempt_view *a)
{
	return word_is(a->attempt->action, "boot");
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

attempt_test *fact_layered_model(const struct case_analysis *view)
{
	const struct model *model = model_by_product(view->c->identity.product);

	return shown_if(model && model->layered_board, shown_by_none);
}
