/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Diagnoses every case file of a folder and compares with what it says the truth was, beside three
 * baselines: the error code alone, the article's rule alone, always the majority class. With a file
 * of floors it prints the figures and compares them with that instead. Exits with 1 where a figure
 * is beyond its limit (without floors: where a verdict was wrong at `strong` or `conclusive`), 2
 * where a case or the folder can't be read. */
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/diagnosis/knowledge.h"
#include "common/diagnosis/comparison.h"
#include "tests/accuracy/floors.h"
#include "tests/accuracy/score.h"
#include "tests/accuracy/steps.h"

static const char *member_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_get_string(value);
}

static bool read_truth(const char *path, struct truth *ret)
{
	struct json_object *object = json_object_from_file(path);
	struct json_object *truth;
	const char *phase;
	bool found = json_object_object_get_ex(object, "truth", &truth);

	if (found) {
		phase = member_text(truth, "phase");
		*ret = (struct truth){.phase = PHASE_NONE};
		for (int p = PHASE_NONE; p <= PHASE_UNDECIDED; p++)
			if (text_equal(phase, phase_name((enum phase)p)))
				ret->phase = (enum phase)p;
		text_copy(ret->cause, sizeof(ret->cause), member_text(truth, "cause"));
		ret->confirmed = text_equal(member_text(truth, "strength"), "confirmed");
	}
	json_object_put(object);
	return found;
}

/* What the number is taken for in shops: 4013, 4014, 40, 9 and the like = hardware. */
static enum side baseline_code(const struct case_analysis *view)
{
	static const int64_t hardware[] = {
		4013, 4014, 40, 28, 29, 35, 46, 47, 50, 53, 56, 1015, 14, 9};
	const struct attempt_view *last = case_analysis_last_failure(view);
	int64_t code = last ? (last->code ? last->code : last->phone_code) : 0;

	if (!last)
		return SIDE_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(hardware); i++)
		if (code == hardware[i])
			return SIDE_PHASE_2;
	return code ? SIDE_PHASE_1 : SIDE_UNDECIDED;
}

static enum side baseline_article(const struct case_analysis *view)
{
	if (!case_analysis_last_failure(view))
		return SIDE_NONE;
	for (size_t i = 0; i < view->count; i++)
		if (comparison_within(&view->attempts[i],
			    view->of_phase[PHASE_CONNECTION] | view->of_phase[PHASE_SOFTWARE]))
			return SIDE_PHASE_1;
	return view->computers >= 2 ? SIDE_PHASE_2 : SIDE_UNDECIDED;
}

/* Whether the experiment tests the cause, so that its result decides the case. */
static bool resolves(const char *experiment, const char *cause)
{
	for (size_t i = 0; i < knowledge_experiments_count; i++) {
		if (!text_equal(knowledge_experiments[i].word, experiment))
			continue;
		for (size_t j = 0; j < knowledge_causes_count; j++)
			if (text_equal(knowledge_causes[j].word, cause))
				return knowledge_experiments[i].tests >> j & 1;
	}
	return false;
}

/* The evidence for the true cause, other than that it was not excluded; NULL = none. */
static const struct finding *find_clue(const struct verdict *verdict, const char *cause)
{
	const struct finding *best = NULL;

	for (size_t i = 0; i < verdict->cause_count; i++) {
		const struct suspect *suspect = &verdict->causes[i];

		if (!text_equal(suspect->cause, cause))
			continue;
		for (size_t j = 0; j < suspect->evidence_count; j++) {
			const struct finding *finding = &suspect->evidence[j];

			if (!best || finding->weight > best->weight)
				best = finding;
		}
	}
	return best;
}

/* Explains why the case is undecided: the evidence for the truth, and the missing facts. */
static void explain(
	struct scored *scored, const struct verdict *verdict, const struct case_analysis *view)
{
	const struct finding *clue = find_clue(verdict, scored->truth.cause);
	char said[256];

	scored->has_clue = clue;
	snprintf(said, sizeof(said), clue ? "for it only \"%s\"" : "%s",
		clue ? clue->text : "nothing in the case speaks for it");
	if (scored->truth.phase == PHASE_HARDWARE)
		snprintf(scored->reason, sizeof(scored->reason),
			"%s; failed on %zu computer(s) with %zu named cable(s), no part named or "
			"tried",
			said, view->tried_computers, view->tried_cables);
	else
		snprintf(scored->reason, sizeof(scored->reason), "%s; %zu of %zu attempt(s) worked",
			said, view->succeeded_count, view->count);
}

static int score_file(const char *path, const char *name, struct scored *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(case_analysis_freep) struct case_analysis *view = NULL;
	CLEANUP(freep) struct verdict *verdict = calloc(1, sizeof(*verdict));
	char message[CASEFILE_MESSAGE_SIZE] = "";

	if (!verdict || !read_truth(path, &ret->truth))
		return -1;
	if (casefile_read(path, &c, message) < 0 || diagnose(c, verdict) < 0 ||
		case_analysis_new(c, &view) < 0) {
		fprintf(stderr, "%s: %s\n", path, message);
		return -1;
	}
	text_copy(ret->name, sizeof(ret->name), name);
	ret->phase = verdict->phase;
	ret->strength = verdict->strength;
	text_copy(ret->summary, sizeof(ret->summary), verdict->summary);
	if (verdict->next.experiment)
		text_copy(ret->next, sizeof(ret->next), verdict->next.experiment);
	ret->next_resolves = resolves(ret->next, ret->truth.cause);
	for (size_t i = 0; i < verdict->cause_count; i++) {
		bool right = text_equal(verdict->causes[i].cause, ret->truth.cause);

		if (i == 0)
			text_copy(ret->cause, sizeof(ret->cause), verdict->causes[i].cause);
		ret->cause_right |= right && i == 0;
		/* As a suspect, or as not tested yet. */
		ret->cause_listed |= right && (verdict->causes[i].strength > STRENGTH_NONE ||
						      verdict->causes[i].untested);
	}
	explain(ret, verdict, view);
	ret->baselines[0] = baseline_code(view);
	ret->baselines[1] = baseline_article(view);
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const struct scored *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Returns the number of cases; 0 if there are none, or if one of them cannot be scored. */
static size_t read_folder(const char *folder, struct scored *cases)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	while (directory && (entry = readdir(directory)) && count < SCORE_CASES_MAX) {
		size_t length = strlen(entry->d_name);
		char path[4096];

		if (length < 5 || !text_equal(entry->d_name + length - 5, ".json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (score_file(path, entry->d_name, &cases[count]) < 0) {
			fprintf(stderr, "%s: no case file with a truth\n", path);
			count = 0;
			break;
		}
		count++;
	}
	if (directory)
		closedir(directory);
	qsort(cases, count, sizeof(*cases), compare_names);
	return count;
}

static void fill_majority(struct scored *cases, size_t count)
{
	size_t sides[SIDE_COUNT] = {0};
	enum side most = SIDE_NONE;

	for (size_t i = 0; i < count; i++)
		sides[side_of(cases[i].truth.phase)]++;
	for (int s = 0; s < SIDE_COUNT; s++)
		if (sides[s] > sides[most])
			most = (enum side)s;
	for (size_t i = 0; i < count; i++)
		cases[i].baselines[2] = most;
}

static bool compare_floors(const char *path, const struct scored *cases, size_t count)
{
	struct figure figures[FIGURE_COUNT];

	score_figures(cases, count, figures);
	score_print_wrong(cases, count);
	steps_print_missed(cases, count);
	printf("\nFigures\n");
	return floors_hold(path, figures, FIGURE_COUNT);
}

int main(int argc, char **argv)
{
	CLEANUP(freep) struct scored *cases = calloc(SCORE_CASES_MAX, sizeof(*cases));
	size_t count;

	if (argc < 2 || argc > 4 || argc == 3 || !cases) {
		fprintf(stderr, "usage: accuracy FOLDER [FLOORS STEPS]\n");
		return 2;
	}
	count = read_folder(argv[1], cases);
	if (!count) {
		fprintf(stderr, "%s: no cases to score\n", argv[1]);
		return 2;
	}
	fill_majority(cases, count);
	if (argc == 4 && !steps_read(argv[3], cases, count))
		return 2;
	if (argc == 4)
		return compare_floors(argv[2], cases, count) ? 0 : 1;
	return score_print(cases, count) ? 1 : 0;
}
