/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict_parts.h"

#include "common/diagnosis/cure.h"
#include "common/diagnosis/facts.h"
#include "common/diagnosis/template.h"

#define MINUTES_OF_A_RISK 4 /* minutes that are worth one step of risk: a judgement */

static uint32_t cost(const struct experiment *experiment)
{
	return experiment->minutes + experiment->risk * MINUTES_OF_A_RISK;
}

static uint64_t gain(const struct experiment *experiment, const uint64_t *suspicion)
{
	uint64_t tested = 0;

	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (experiment->tests & UINT32_C(1) << i)
			tested += suspicion[i];
	return tested / cost(experiment);
}

static void write_step(const struct case_analysis *view, const struct experiment *experiment,
	struct next_step *ret)
{
	*ret = (struct next_step){.experiment = experiment->word, .title = experiment->title};
	wording_fill(view, NULL, 0, experiment->text, ret->text, sizeof(ret->text));
	ret->outcome_count = experiment->outcome_count;
	for (size_t i = 0; i < experiment->outcome_count; i++) {
		ret->outcomes[i].condition = experiment->outcomes[i].condition;
		ret->outcomes[i].conclusion = experiment->outcomes[i].conclusion;
	}
}

static bool any_holds(const struct case_analysis *view, const struct verdict *verdict,
	const struct terms ways[static EXPERIMENT_WAYS_MAX])
{
	for (size_t i = 0; i < EXPERIMENT_WAYS_MAX && ways[i].count; i++)
		if (terms_hold_for_verdict(view, verdict, ways[i].terms, ways[i].count, true))
			return true;
	return false;
}

static bool is_possible(const struct case_analysis *view, const struct verdict *verdict,
	const struct experiment *experiment)
{
	return !(experiment->needs & view->lacks) && any_holds(view, verdict, experiment->when) &&
	       !terms_hold_for_verdict(
		       view, verdict, experiment->unless, experiment->unless_count, false);
}

/* The bit of the suspect that a verdict names; 0 if there is none. */
static uint32_t named_suspect(const struct verdict *verdict)
{
	const struct suspect *first = &verdict->causes[0];

	if (verdict->phase == PHASE_UNDECIDED || !verdict->cause_count ||
		first->phase != verdict->phase || first->strength < STRENGTH_MODERATE)
		return 0;
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (knowledge_causes[i].word == first->cause)
			return UINT32_C(1) << i;
	return 0;
}

/* The best experiment that tests one of `causes`, among those that are `last` or are not. */
static const struct experiment *best_experiment(const struct case_analysis *view,
	const struct verdict *verdict, const uint64_t *suspicion, uint32_t causes, bool last)
{
	/* A phone that works again needs other steps than one that does not. */
	struct cure cure;
	enum cured unfit = cure_find(view, &cure) ? CURED_NEVER : CURED_ONLY;
	const struct experiment *best = NULL;
	uint64_t best_gain = 0;
	bool best_first = false;

	for (size_t i = 0; i < knowledge_experiments_count; i++) {
		const struct experiment *experiment = &knowledge_experiments[i];
		uint64_t here = gain(experiment, suspicion);
		bool first, better;

		if (experiment->cured == unfit || experiment->last != last ||
			!(experiment->tests & causes) || !here ||
			!is_possible(view, verdict, experiment))
			continue;
		first = any_holds(view, verdict, experiment->first);
		better = !best || here > best_gain ||
			 (here == best_gain && cost(experiment) < cost(best));
		if (best && (best_first > first || (best_first == first && !better)))
			continue;
		best = experiment;
		best_gain = here;
		best_first = first;
	}
	return best;
}

void next_step_choose(const struct case_analysis *view,
	const uint64_t suspicion[static CAUSE_COUNT_MAX], struct verdict *verdict)
{
	const struct experiment *best =
		best_experiment(view, verdict, suspicion, named_suspect(verdict), false);

	if (!best)
		best = best_experiment(view, verdict, suspicion, UINT32_MAX, false);
	if (!best)
		best = best_experiment(view, verdict, suspicion, UINT32_MAX, true);
	if (best)
		write_step(view, best, &verdict->next);
	else
		verdict->next = (struct next_step){.experiment = NULL};
}
