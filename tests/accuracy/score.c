/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/accuracy/score.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

enum judgement { JUDGED_RIGHT, JUDGED_INCONCLUSIVE, JUDGED_WRONG, JUDGED_COUNT };

enum side side_of(enum phase phase)
{
	switch (phase) {
	case PHASE_NONE:
		return SIDE_NONE;
	case PHASE_CONNECTION:
	case PHASE_SOFTWARE:
		return SIDE_PHASE_1;
	case PHASE_HARDWARE:
		return SIDE_PHASE_2;
	default:
		return SIDE_UNDECIDED;
	}
}

static enum judgement judge_side(enum side said, enum side truth)
{
	if (said == truth)
		return JUDGED_RIGHT;
	return said == SIDE_UNDECIDED || said == SIDE_NONE ? JUDGED_INCONCLUSIVE : JUDGED_WRONG;
}

static enum judgement judge(const struct scored *scored)
{
	return judge_side(side_of(scored->phase), side_of(scored->truth.phase));
}

static bool has_suffix(const struct scored *scored, const char *suffix)
{
	return !suffix || strstr(scored->name, suffix);
}

struct counts {
	size_t all;
	size_t judged[JUDGED_COUNT];
	size_t exact_phase;
	size_t cause_first;
	size_t cause_listed;
};

static struct counts count_cases(const struct scored *cases, size_t count, const char *suffix,
	const enum phase *truth_phase, const char *truth_cause)
{
	struct counts counts = {0};

	for (size_t i = 0; i < count; i++) {
		const struct scored *scored = &cases[i];

		if (!has_suffix(scored, suffix) ||
			(truth_phase && scored->truth.phase != *truth_phase) ||
			(truth_cause && !text_equal(scored->truth.cause, truth_cause)))
			continue;
		counts.all++;
		counts.judged[judge(scored)]++;
		counts.exact_phase += scored->phase == scored->truth.phase;
		counts.cause_first += scored->cause_right;
		counts.cause_listed += scored->cause_listed;
	}
	return counts;
}

static void print_counts(const char *name, const struct counts *counts)
{
	if (!counts->all)
		return;
	printf("  %-22s %5zu %6zu %13zu %6zu %11zu %12zu %7zu\n", name, counts->all,
		counts->judged[JUDGED_RIGHT], counts->judged[JUDGED_INCONCLUSIVE],
		counts->judged[JUDGED_WRONG], counts->exact_phase, counts->cause_first,
		counts->cause_listed);
}

static void print_head(const char *title)
{
	printf("\n%s\n  %-22s %5s %6s %13s %6s %11s %12s %7s\n", title, "", "cases", "right",
		"inconclusive", "wrong", "exact phase", "cause first", "listed");
}

static void print_totals(const struct scored *cases, size_t count)
{
	static const char *const suffixes[] = {NULL, "--before", "--after"};
	static const char *const names[] = {"all", "--before", "--after"};

	print_head("Phase 1 or Phase 2");
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		struct counts counts = count_cases(cases, count, suffixes[i], NULL, NULL);

		print_counts(names[i], &counts);
	}
}

/* Before the experiment that settled it, the best answer is that experiment. */
static void print_next_steps(const struct scored *cases, size_t count)
{
	size_t all = 0, resolving = 0, clues = 0, clues_resolving = 0;

	for (size_t i = 0; i < count; i++) {
		if (!has_suffix(&cases[i], "--before"))
			continue;
		all++;
		resolving += cases[i].next_resolves;
		clues += cases[i].has_clue;
		clues_resolving += cases[i].has_clue && cases[i].next_resolves;
	}
	printf("\nNext step of the --before cases that tests the true cause: %zu of %zu; %zu of "
	       "the "
	       "%zu in which something speaks for it\n",
		resolving, all, clues_resolving, clues);
	for (size_t i = 0; i < count; i++)
		if (has_suffix(&cases[i], "--before") && !cases[i].next_resolves)
			printf("  %s: true cause %s, next step %s\n      %s\n", cases[i].name,
				cases[i].truth.cause, cases[i].next[0] ? cases[i].next : "-",
				cases[i].reason);
}

static void print_by_truth(const struct scored *cases, size_t count)
{
	print_head("By the true phase");
	for (int p = PHASE_NONE; p <= PHASE_HARDWARE; p++) {
		enum phase phase = (enum phase)p;
		struct counts counts = count_cases(cases, count, NULL, &phase, NULL);

		print_counts(p == PHASE_NONE ? "success" : phase_name(phase), &counts);
	}
	print_head("By the true cause");
	for (size_t i = 0; i < count; i++) {
		struct counts counts;
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = text_equal(cases[j].truth.cause, cases[i].truth.cause);
		if (seen)
			continue;
		counts = count_cases(cases, count, NULL, NULL, cases[i].truth.cause);
		print_counts(cases[i].truth.cause, &counts);
	}
}

static bool is_sure(const struct scored *scored)
{
	return scored->strength >= STRENGTH_STRONG;
}

static size_t count_wrong_and_sure(const struct scored *cases, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++)
		wrong += is_sure(&cases[i]) && judge(&cases[i]) == JUDGED_WRONG;
	return wrong;
}

static void print_strengths(const struct scored *cases, size_t count)
{

	printf("\nBy strength of the verdict\n  %-12s %6s %6s\n", "", "right", "wrong");
	for (int s = STRENGTH_WEAK; s <= STRENGTH_CONCLUSIVE; s++) {
		size_t right = 0, wrong = 0;

		for (size_t i = 0; i < count; i++) {
			if (cases[i].strength != (enum strength)s)
				continue;
			right += judge(&cases[i]) == JUDGED_RIGHT;
			wrong += judge(&cases[i]) == JUDGED_WRONG;
		}
		printf("  %-12s %6zu %6zu\n", strength_name((enum strength)s), right, wrong);
	}
}

static void print_confusion(const struct scored *cases, size_t count)
{
	static const char *const labels[] = {
		"success", "connection", "software", "hardware", "undecided"};

	printf("\nTruth (rows) and verdict (columns)\n  %-12s", "");
	for (int said = PHASE_NONE; said <= PHASE_UNDECIDED; said++)
		printf(" %10s", said == PHASE_NONE ? "none" : labels[said]);
	printf("\n");
	for (int truth = PHASE_NONE; truth <= PHASE_UNDECIDED; truth++) {
		printf("  %-12s", labels[truth]);
		for (int said = PHASE_NONE; said <= PHASE_UNDECIDED; said++) {
			size_t n = 0;

			for (size_t i = 0; i < count; i++)
				n += cases[i].truth.phase == (enum phase)truth &&
				     cases[i].phase == (enum phase)said;
			printf(" %10zu", n);
		}
		printf("\n");
	}
}

static void print_baselines(const struct scored *cases, size_t count)
{
	static const char *const names[] = {
		"error code alone", "article's rule alone", "always the majority"};

	printf("\nBeside baselines%10s %6s %13s %6s\n", "", "right", "inconclusive", "wrong");
	for (size_t b = 0; b <= ARRAY_SIZE(names); b++) {
		size_t judged[JUDGED_COUNT] = {0};

		for (size_t i = 0; i < count; i++)
			judged[b == 0 ? judge(&cases[i])
				      : judge_side(cases[i].baselines[b - 1],
						side_of(cases[i].truth.phase))]++;
		printf("  %-23s %6zu %13zu %6zu\n", b == 0 ? "this engine" : names[b - 1],
			judged[JUDGED_RIGHT], judged[JUDGED_INCONCLUSIVE], judged[JUDGED_WRONG]);
	}
}

static void print_list(const struct scored *cases, size_t count, enum judgement wanted)
{
	for (size_t i = 0; i < count; i++) {
		const struct scored *scored = &cases[i];

		if (judge(scored) != wanted)
			continue;
		printf("  %s\n      truth %s, %s; said %s (%s), first %s, next %s\n      %s\n      "
		       "why: %s\n",
			scored->name, phase_name(scored->truth.phase), scored->truth.cause,
			phase_name(scored->phase), strength_name(scored->strength),
			scored->cause[0] ? scored->cause : "-",
			scored->next[0] ? scored->next : "-", scored->summary, scored->reason);
	}
}

size_t score_print(const struct scored *cases, size_t count)
{
	print_totals(cases, count);
	print_next_steps(cases, count);
	print_by_truth(cases, count);
	print_strengths(cases, count);
	print_confusion(cases, count);
	print_baselines(cases, count);
	score_print_wrong(cases, count);
	printf("\nInconclusive\n");
	print_list(cases, count, JUDGED_INCONCLUSIVE);
	return count_wrong_and_sure(cases, count);
}

void score_print_wrong(const struct scored *cases, size_t count)
{
	printf("\nWrong\n");
	print_list(cases, count, JUDGED_WRONG);
}

void score_figures(
	const struct scored *cases, size_t count, struct figure figures[static FIGURE_COUNT])
{
	struct counts counts = count_cases(cases, count, NULL, NULL, NULL);
	size_t resolving = 0, labelled = 0, right = 0;

	for (size_t i = 0; i < count; i++) {
		labelled += cases[i].step_labelled;
		right += cases[i].step_right;
		resolving += has_suffix(&cases[i], "--before") && cases[i].next_resolves;
	}
	memcpy(figures,
		(struct figure[FIGURE_COUNT]){
			{"cases", counts.all},
			{"right", counts.judged[JUDGED_RIGHT]},
			{"wrong", counts.judged[JUDGED_WRONG]},
			{"wrong-and-sure", count_wrong_and_sure(cases, count)},
			{"exact-phase", counts.exact_phase},
			{"cause-first", counts.cause_first},
			{"cause-listed", counts.cause_listed},
			{"next-step", resolving},
			{"step-labels", labelled},
			{"step-right", right},
		},
		sizeof(*figures) * FIGURE_COUNT);
}
