/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a phone gets into a mode by its buttons: a constant table from knowledge/guides.txt, and the
 * course of one attempt at it. It has no clock and no output. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/phone_model.h"

#define GUIDE_STEPS_MAX 6
#define GUIDE_WRONG_MAX 3

struct guide_step {
	unsigned seconds;
	const char *until; /* "gone" or a mode that ends it early; NULL = nothing does */
	const char *text;  /* NULL after the last step */
};

struct guide {
	const char *target;	 /* as typed: dfu, recovery, leave-recovery */
	const char *kind;	 /* of models */
	bool home_matters, home; /* only for models with, or without, a home button */
	const char *mode;	 /* in which it ends */
	struct guide_step steps[GUIDE_STEPS_MAX];
	struct {
		const char *mode, *text;
	} wrong[GUIDE_WRONG_MAX];
};

/* Whether the word is a target. */
bool guide_is_target(const char *word);
/* The guide for a model; NULL if none is known. */
const struct guide *guide_find(const char *target, const struct model *model);
/* What it means that the phone is in that mode in the end; NULL = nothing is known. */
const char *guide_wrong(const struct guide *guide, const char *mode);

/* One attempt at it. Initialise with {.guide, .step_us = start}. */
struct guide_course {
	const struct guide *guide;
	unsigned step;	  /* index */
	uint64_t step_us; /* when it began */
	bool ended;	  /* the last step is over, or the phone is in a mode that ends it */
};

/* The time is `now_us`. Returns whether a later step has begun, or it has ended. */
bool guide_pass(struct guide_course *course, uint64_t now_us);
/* The phone is in that mode, or "gone". The same. */
bool guide_see(struct guide_course *course, const char *mode, uint64_t now_us);
/* Seconds that are left of the step, rounded up. */
unsigned guide_left(const struct guide_course *course, uint64_t now_us);
