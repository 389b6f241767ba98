/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every verdict has a next step, or says why it has none: all models, each word and many pairs of
 * words of a phone's history, and the courses that a repair takes. Prints the counts. */
#include "common/diagnosis/verdict.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/model/history_word.h"
#include "common/model/phone_model.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define TRIES_MAX 8 /* attempts of a course, with the end of the list */
#define SHOWN_MAX 40
#define PAIRS_FOR_ALL 2 /* the first pairs of words, tried with every model */
#define CASES_LEAST 80000

/* Sanitizers make it ten times slower and look for other faults: a few cases are enough for them.
 */
#ifdef __has_feature
#define IS_SANITIZED __has_feature(address_sanitizer)
#else
#define IS_SANITIZED 0
#endif

enum { WORKS = 1 }; /* the code of an attempt that succeeded */

/* One attempt: what was done, where, with which parts, and how it failed: a number of iTunes, 0 for
 * none. The parts are "KEY:VALUE" words. */
struct
try {
	const char *action;
	const char *host;
	const char *cable;
	const char *parts;
	int64_t code;
	enum device_mode came_back;
};

struct course {
	const char *name;
	struct try tries[TRIES_MAX];
};

#define BOOT(parts)                                                                                \
	{                                                                                          \
		"boot", "one", NULL, parts, 0, MODE_UNKNOWN                                        \
	}
#define STARTS(parts)                                                                              \
	{                                                                                          \
		"boot", "one", NULL, parts, WORKS, MODE_UNKNOWN                                    \
	}
#define UPDATE(host, cable, code)                                                                  \
	{                                                                                          \
		"update", host, cable, "", code, MODE_UNKNOWN                                      \
	}
#define RESET(host, cable, parts)                                                                  \
	{                                                                                          \
		"update", host, cable, parts, 4013, MODE_RECOVERY                                  \
	}
#define UPDATED(host, cable, parts)                                                                \
	{                                                                                          \
		"update", host, cable, parts, WORKS, MODE_UNKNOWN                                  \
	}
#define PERSISTS RESET("one", "A", ""), RESET("two", "B", "")

static const struct course courses[] = {
	{"does not start", {BOOT("")}},
	{"does not start, twice", {BOOT(""), BOOT("")}},
	{"does not start with another battery", {BOOT(""), BOOT("battery:known-good")}},
	{"does not start with another charge port flex",
		{BOOT(""), BOOT("chargeFlex:known-good"), BOOT("battery:known-good")}},
	{"does not start without the earpiece flex", {BOOT(""), BOOT("earpieceFlex:disconnected")}},
	{"does not start in a minimal boot", {BOOT(""), BOOT("minimalBoot:true")}},
	{"does not start on good parts",
		{BOOT(""), BOOT("minimalBoot:true display:known-good battery:known-good "
				"chargeFlex:known-good earpieceFlex:disconnected")}},
	{"does not start, storage chip replaced", {BOOT(""), BOOT("nand:replaced")}},
	{"one update", {UPDATE("one", NULL, 0)}},
	{"one update, 4013", {RESET("one", "A", "")}},
	{"two cables", {RESET("one", "A", ""), RESET("one", "B", "")}},
	{"two computers and cables", {PERSISTS}},
	{"so it does without the flex", {PERSISTS, RESET("one", "A", "earpieceFlex:disconnected")}},
	{"so it does in a minimal boot", {PERSISTS, RESET("one", "A", "earpieceFlex:disconnected"),
						 RESET("one", "A", "minimalBoot:true")}},
	{"so it does with a good battery",
		{PERSISTS, RESET("one", "A", "earpieceFlex:disconnected"),
			RESET("one", "A", "minimalBoot:true"),
			RESET("one", "A", "battery:known-good")}},
	{"so it does with all good parts",
		{PERSISTS, RESET("one", "A",
				   "minimalBoot:true display:known-good battery:known-good "
				   "chargeFlex:known-good earpieceFlex:disconnected")}},
	{"good parts, one computer",
		{RESET("one", "A", ""), BOOT("minimalBoot:true display:replaced battery:known-good "
					     "chargeFlex:replaced earpieceFlex:disconnected")}},
	{"starts and updates fail", {BOOT(""), RESET("one", "A", "")}},
	{"the stop rule", {UPDATE("one", "A", 9), UPDATE("one", "B", 9), UPDATE("two", "B", 9),
				  UPDATE("two", "C", 9), UPDATE("three", "C", 9)}},
	{"the stop rule, different numbers",
		{UPDATE("one", "A", 9), UPDATE("one", "B", 4005), UPDATE("two", "B", 14),
			UPDATE("two", "C", 40), UPDATE("three", "C", 4010)}},
	{"an erase only", {{"erase", "one", "A", "", 4013, MODE_RECOVERY}}},
	{"falls back to DFU", {{"update", "one", "A", "", 4014, MODE_DFU}}},
	{"falls back to DFU everywhere", {{"update", "one", "A", "", 4014, MODE_DFU},
						 {"update", "two", "B", "", 4014, MODE_DFU}}},
	{"does not come back", {UPDATE("one", "A", 4005)}},
	{"does not come back anywhere", {UPDATE("one", "A", 4005), UPDATE("two", "B", 4005)}},
	{"a volume that is full", {UPDATE("one", "A", 14), UPDATE("two", "B", 1110)}},
	{"a full volume that an erase does not cure",
		{UPDATE("one", "A", 14), {"erase", "two", "B", "", 14, MODE_UNKNOWN}}},
	{"gauge named", {UPDATE("one", "A", 29)}},
	{"gauge named with a good battery",
		{UPDATE("one", "A", 29),
			{"update", "two", "B", "battery:known-good", 29, MODE_UNKNOWN}}},
	{"storage named", {UPDATE("one", "A", 40)}},
	{"storage named everywhere", {UPDATE("one", "A", 40), UPDATE("two", "B", 40)}},
	{"storage named after a new chip",
		{UPDATE("one", "A", 40),
			{"update", "two", "B", "nand:replaced", 40, MODE_UNKNOWN}}},
	{"pairing", {UPDATE("one", "A", 53)}},
	{"Secure Enclave named", {UPDATE("one", "A", 50), UPDATE("two", "B", 50)}},
	{"modem newer", {UPDATE("one", "A", 1015)}},
	{"modem newer everywhere", {UPDATE("one", "A", 1015), UPDATE("two", "B", 1015)}},
	{"modem named", {UPDATE("one", "A", 1016), UPDATE("two", "B", 1016)}},
	{"NFC", {UPDATE("one", "A", 56), UPDATE("two", "B", 56)}},
	{"a number that nobody knows", {UPDATE("one", "A", 7777), UPDATE("two", "B", 7777)}},
	{"not signed", {UPDATE("one", "A", 3194)}},
	{"no network", {UPDATE("one", "A", 1109), UPDATE("one", "A", 3004)}},
	{"works with another cable", {RESET("one", "A", ""), UPDATED("one", "B", "")}},
	{"works after an erase", {UPDATE("one", "A", 14), {"erase", "one", "A", "", WORKS, 0}}},
	{"works without the flex",
		{RESET("one", "A", ""), UPDATED("one", "A", "earpieceFlex:disconnected")}},
	{"works without the flex, and not with it",
		{RESET("one", "A", ""), UPDATED("one", "A", "earpieceFlex:disconnected"),
			RESET("one", "A", "")}},
	{"works with another flex", {PERSISTS, UPDATED("one", "A", "earpieceFlex:replaced")}},
	{"works with another flex once", {PERSISTS, UPDATED("one", "A", "earpieceFlex:replaced"),
						 RESET("one", "A", "earpieceFlex:replaced")}},
	{"works in a minimal boot", {RESET("one", "A", ""), STARTS("minimalBoot:true")}},
	{"works in a minimal boot, and not without",
		{PERSISTS, UPDATED("one", "A", "minimalBoot:true"), RESET("one", "A", "")}},
	{"works with another battery", {BOOT(""), STARTS("battery:known-good")}},
	{"works with another battery, and not with the old one",
		{PERSISTS, UPDATED("one", "A", "battery:known-good"),
			RESET("one", "A", "battery:original")}},
	{"works without the display, and not with it",
		{PERSISTS, UPDATED("one", "A", "display:disconnected"),
			RESET("one", "A", "display:connected")}},
	{"works with another lower half", {BOOT(""), STARTS("lowerBoard:known-good")}},
	{"works now and then",
		{RESET("one", "A", ""), UPDATED("one", "A", ""), RESET("one", "A", ""),
			UPDATED("one", "A", ""), RESET("one", "A", "")}},
	{"works elsewhere, and not here",
		{RESET("one", "A", ""), UPDATED("two", "B", ""), RESET("one", "A", "")}},
};

static const char *const pairs[][2] = {
	{"liquid", "boot-loop"},
	{"liquid", "no-boot"},
	{"drop", "boot-loop"},
	{"drop", "no-boot"},
	{"liquid", "no-charge"},
	{"third-party-battery", "boot-loop"},
	{"no-boot", "no-charge"},
	{"no-boot", "dark-screen"},
	{"board-rework", "boot-loop"},
	{"display-replaced", "boot-loop"},
	{"grey-speaker", "boot-loop"},
	{"no-boot", "abnormal-current-draw"},
	{"recovery-loop", "drop"},
	{"nand-replaced", "boot-loop"},
	{"liquid", "recovery-loop"},
};

static struct verdict verdict;

static void set_parts(struct attempt *attempt, const char *parts)
{
	char word[64], key[32], value[32];
	int used;

	while (sscanf(parts, "%63s%n", word, &used) == 1) {
		assert_int_equal(sscanf(word, "%31[^:]:%31s", key, value), 2);
		attempt_set_condition(attempt, key, value, 0);
		parts += used;
	}
}

static void add_try(struct triage_case *c, const struct try *try)
{
	struct attempt *attempt = add_attempt(
		c, try->host, try->cable, try->code == WORKS ? OUTCOME_SUCCEEDED : OUTCOME_FAILED);

	text_copy(attempt->action, sizeof(attempt->action), try->action);
	set_parts(attempt, try->parts);
	if (try->code <= WORKS)
		return;
	attempt->came_back = try->came_back;
	attempt->itunes_code = try->came_back ? try->code : 0;
	text_copy(attempt->errors[0].domain, sizeof(attempt->errors[0].domain), "itunes");
	attempt->errors[0].code = try->code;
	attempt->error_count = 1;
}

static struct triage_case *case_for(const struct model *model, const char *const *words,
	size_t count, const struct course *course)
{
	struct triage_case *c = case_of(model ? model->product : "");

	for (size_t i = 0; i < count; i++)
		triage_case_add_history(c, words[i]);
	for (size_t i = 0; i < TRIES_MAX && course->tries[i].action; i++)
		add_try(c, &course->tries[i]);
	return c;
}

static size_t cases, without, foreign;

/* What is said of hardware only of devices that have it. */
static const struct {
	enum hardware hardware;
	const char *word;
} part_words[] = {
	{HARDWARE_FRONT_FLEX, "earpiece"},
	{HARDWARE_FRONT_FLEX, "ear speaker"},
	{HARDWARE_FLEXES, "charge port flex"},
	{HARDWARE_FLEXES, "front flex"},
	{HARDWARE_MODEM, "modem"},
	{HARDWARE_BATTERY, "battery"},
	{HARDWARE_NFC, "NFC"},
};

static void check_text(const struct model *model, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(part_words); i++)
		if (!model_has(model, part_words[i].hardware) && strstr(text, part_words[i].word) &&
			foreign++ < SHOWN_MAX)
			print_message("# %s has none: %s\n", model->product, text);
}

static void check_findings(const struct model *model, const struct finding *findings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_text(model, findings[i].text);
}

static void check_parts(const struct model *model)
{
	check_text(model, verdict.summary);
	for (size_t i = 0; i < verdict.cause_count; i++) {
		const struct suspect *suspect = &verdict.causes[i];

		check_text(model, suspect->title);
		check_findings(model, suspect->evidence, suspect->evidence_count);
		check_findings(model, suspect->counter_evidence, suspect->counter_evidence_count);
	}
	for (size_t i = 0; i < verdict.advice_count; i++)
		check_text(model, verdict.advice[i]);
	if (!verdict.next.experiment)
		return;
	check_text(model, verdict.next.text);
	for (size_t i = 0; i < verdict.next.outcome_count; i++)
		check_text(model, verdict.next.outcomes[i].conclusion);
}

/* Whether the technician spoke of no part: what people report of a part is never denied. */
static bool names_no_part(const struct course *course)
{
	for (size_t i = 0; i < TRIES_MAX && course->tries[i].action; i++)
		if (course->tries[i].parts[0])
			return false;
	return true;
}

static void check(const struct model *model, const char *const *words, size_t count,
	const struct course *course)
{
	CLEANUP(triage_case_freep)
	struct triage_case *c = case_for(model, words, count, course);

	cases++;
	assert_int_equal(diagnose(c, &verdict), 0);
	if (model && names_no_part(course))
		check_parts(model);
	if (verdict.next.experiment && verdict.next.text[0] && verdict.next.outcome_count)
		return;
	if (without++ < SHOWN_MAX)
		print_message("# no next step: %s, %s%s%s, %s: %s\n", model ? model->product : "-",
			count ? words[0] : "-", count > 1 ? " " : "", count > 1 ? words[1] : "",
			course->name, verdict.summary);
}

/* Models with the same marks differ in nothing that a diagnosis looks at. */
static bool is_like(const struct model *a, const struct model *b)
{
	return a->has == b->has;
}

/* The first one of its kind is tried with every history, the others with a few. */
static bool is_first_of_kind(const struct model *models, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (is_like(&models[i], &models[number]))
			return false;
	return true;
}

static void check_model(const struct model *model, bool all)
{
	size_t word_count;
	const struct history_word *words = history_words(&word_count);

	for (size_t i = 0; i < ARRAY_SIZE(courses); i++) {
		check(model, NULL, 0, &courses[i]);
		for (size_t j = 0; j < word_count && all; j++)
			check(model, &words[j].word, 1, &courses[i]);
		for (size_t j = 0; j < (all ? ARRAY_SIZE(pairs) : PAIRS_FOR_ALL); j++)
			check(model, pairs[j], 2, &courses[i]);
	}
}

static void every_case_has_a_next_step(void **state)
{
	size_t model_count;
	const struct model *models = model_all(&model_count);

	check_model(NULL, !IS_SANITIZED);
	for (size_t i = 0; i < model_count; i++) {
		bool first = is_first_of_kind(models, i);

		if (first || !IS_SANITIZED)
			check_model(&models[i], first && !IS_SANITIZED);
	}
	print_message("# %zu models, %zu courses: %zu cases, %zu without a next step\n",
		model_count + 1, ARRAY_SIZE(courses), cases, without);
	assert_true(IS_SANITIZED || cases >= CASES_LEAST);
	assert_int_equal(without, 0);
	assert_int_equal(foreign, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_has_a_next_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
