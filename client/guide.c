/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/guide.h"

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/base/text.h"

static const struct guide guides[] = {
#include "common/knowledge/guides.inc"
};

bool guide_is_target(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(guides); i++)
		if (text_equal(guides[i].target, word))
			return true;
	return false;
}

const struct guide *guide_find(const char *target, const struct model *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(guides); i++) {
		const struct guide *guide = &guides[i];

		if (text_equal(guide->target, target) &&
			text_equal(guide->kind, model->kind->word) &&
			(!guide->home_matters ||
				guide->home == model_has(model, HARDWARE_HOME_BUTTON)))
			return guide;
	}
	return NULL;
}

const char *guide_wrong(const struct guide *guide, const char *mode)
{
	for (size_t i = 0; i < GUIDE_WRONG_MAX && guide->wrong[i].mode; i++)
		if (text_equal(guide->wrong[i].mode, mode))
			return guide->wrong[i].text;
	return NULL;
}

static bool is_last(const struct guide_course *course)
{
	return course->step + 1 == GUIDE_STEPS_MAX || !course->guide->steps[course->step + 1].text;
}

static bool next_step(struct guide_course *course, uint64_t now_us)
{
	if (is_last(course))
		course->ended = true;
	else
		course->step++;
	course->step_us = now_us;
	return true;
}

bool guide_pass(struct guide_course *course, uint64_t now_us)
{
	const struct guide_step *step = &course->guide->steps[course->step];
	uint64_t end_us = course->step_us + step->seconds * USEC_PER_SEC;

	return !course->ended && now_us >= end_us && next_step(course, end_us);
}

bool guide_see(struct guide_course *course, const char *mode, uint64_t now_us)
{
	const struct guide_step *step = &course->guide->steps[course->step];

	if (course->ended)
		return false;
	if (text_equal(mode, course->guide->mode) ||
		(is_last(course) && guide_wrong(course->guide, mode)))
		return course->ended = true;
	return step->until && text_equal(mode, step->until) && next_step(course, now_us);
}

unsigned guide_left(const struct guide_course *course, uint64_t now_us)
{
	uint64_t spent_us = now_us > course->step_us ? now_us - course->step_us : 0;
	uint64_t left_us = course->guide->steps[course->step].seconds * USEC_PER_SEC;

	left_us = left_us > spent_us ? left_us - spent_us : 0;
	return (unsigned)((left_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
}
