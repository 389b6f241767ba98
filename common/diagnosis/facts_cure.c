/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/cure.h"
#include "common/diagnosis/facts_private.h"

bool fact_works_now(const struct case_analysis *view)
{
	struct cure cure;

	return cure_find(view, &cure);
}

bool fact_works_now_parts_off(const struct case_analysis *view)
{
	struct cure cure;

	return cure_find(view, &cure) && cure.parts_off;
}

bool fact_works_now_part_replaced(const struct case_analysis *view)
{
	struct cure cure;

	return cure_find(view, &cure) && cure.parts_replaced;
}

bool fact_works_now_board_on_trial(const struct case_analysis *view)
{
	struct cure cure;

	return cure_find(view, &cure) && cure.board_on_trial;
}

/* An erase is never repeated; and where only a start was tried, there is no restore to repeat. */
bool fact_works_now_by_one_update(const struct case_analysis *view)
{
	struct cure cure;

	return cure_find(view, &cure) && cure.successes == 1 &&
	       !word_is(cure.last->attempt->action, "erase") &&
	       !word_is(cure.last->attempt->action, "boot");
}
