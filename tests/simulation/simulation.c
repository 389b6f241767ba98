/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulated repair shops. Each seed makes a shop and a phone with one planted cause, and a
 * technician who follows the next steps of the program, or errs. What the sources see of each
 * attempt goes through the real daemon and diagnosis; the verdict is compared with the plant.
 *
 *   simulation [--seed N] [--phones N] [--all] [-v]
 *
 * --all prints each failure, -v the story of each phone. A failure prints its seed; `--seed N
 * --phones 1 -v` plays it again. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/diagnosis/knowledge.h"
#include "tests/simulation/shop.h"

#define EXPERIMENTS_MAX 16  /* after which the technician gives up */
#define EXTRA_EXPERIMENTS 2 /* over the fixed order, in the median */
#define LOG_ALONE_EACH 4    /* phones: the log alone is compared for one of so many */
#define FAILURES_SHOWN 10   /* of each property */
#define ERRS_PERCENT 10
#define PLANTS_MAX 32
#define NEVER (EXPERIMENTS_MAX + 1)

/* The streams of numbers of one seed. */
enum { DICE_WORLD = 1, DICE_WALK, DICE_ARRIVAL, DICE_OTHER_ARRIVAL };

/* As sources are on a quiet bench. */
static const struct arrival prompt = {
	.delay_ms = {[SOURCE_USB] = 10,
		[SOURCE_USBMUXD] = 50,
		[SOURCE_KERNEL] = 50,
		[SOURCE_TOOL] = 50,
		[SOURCE_LINK] = 400},
};

/* The latest that each may be, with daemons that restart. */
static const struct arrival disturbed = {
	.delay_ms = {[SOURCE_USB] = 60,
		[SOURCE_USBMUXD] = 600,
		[SOURCE_KERNEL] = 800,
		[SOURCE_TOOL] = 1500,
		[SOURCE_LINK] = 900},
	.doubled_percent = 10,
	.restart_percent = 30,
};

/* Without the other sources, only the log of the tool tells anything. */
static const struct arrival log_alone = {.delay_ms = {[SOURCE_TOOL] = 50}, .log_only = true};

enum property {
	NEVER_WRONG,
	SELDOM_MISLED,
	SAME_VERDICT,
	FEW_EXPERIMENTS,
	MONOTONE,
	PROPERTY_COUNT
};

static const struct {
	const char *text;
	unsigned allowed_per_mille; /* of the checks may fail */
} properties[] = {
	[NEVER_WRONG] = {"never wrong at strong or above"},
	[SELDOM_MISLED] = {"the same where the restore worked by chance, the fault still there",
		20},
	[SAME_VERDICT] = {"same verdict for any order of arrival and restart"},
	[FEW_EXPERIMENTS] = {"experiments at most those of the fixed order + 2, in the median"},
	/* A fault of the phone's own port is like one of the cable until there is a second one. */
	[MONOTONE] = {"more evidence makes no verdict more wrong", 10},
};

struct score {
	size_t phones;
	size_t right, phase, undecided, wrong; /* phase: the right one, with another cause */
	unsigned reached[NEVER + 1];	       /* phones by experiments until the truth */
	unsigned fixed[NEVER + 1];	       /* the same with the fixed order */
};

static struct {
	bool verbose;
	size_t shown; /* failures that are printed, of each property */
	struct score scores[PLANTS_MAX];
	size_t checked[PROPERTY_COUNT], failed[PROPERTY_COUNT];
} run;

/* One phone in one shop. */
struct visit {
	uint64_t seed;
	const struct plant *plant;
	struct shop shop;
	struct setup setup;
	unsigned own; /* knobs that turn with the computer */
	unsigned direct_port;
	bool has_run;
	bool labels;	     /* people record which cable they use */
	const char *symptom; /* of a plant that does not vary */
	const struct trial *last;
	struct dice dice;
	struct course courses[SHOP_ATTEMPTS_MAX];
	uint64_t pauses_us[SHOP_ATTEMPTS_MAX];
	size_t course_count;
	struct verdict verdict;
	unsigned experiments;
	unsigned reached;   /* experiments until the truth; NEVER */
	unsigned successes; /* in a row */
	bool lucky;	    /* one of them was by chance */
	enum strength wrongness;
};

static void story(const char *format, ...) PRINTF_LIKE(1, 2);
static void story(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (run.verbose)
		vprintf(format, args);
	va_end(args);
}

static void check(enum property property, bool holds, const struct visit *visit, const char *what)
{
	run.checked[property]++;
	if (holds)
		return;
	if (run.failed[property]++ < run.shown || run.verbose)
		printf("FAILED %s: --seed %llu (%s): %s\n", properties[property].text,
			(unsigned long long)visit->seed, visit->plant->name, what);
}

/* --- The verdict and the plant ------------------------------------------------------------- */

static enum phase phase_of_cause(const char *word)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (text_equal(knowledge_causes[i].word, word))
			return knowledge_causes[i].phase;
	abort();
}

static bool is_right_cause(const struct plant *plant, const char *cause)
{
	for (size_t i = 0; i < PLANT_CAUSES_MAX && plant->causes[i]; i++)
		if (text_equal(plant->causes[i], cause))
			return true;
	return false;
}

static bool is_right_phase(const struct plant *plant, enum phase phase)
{
	for (size_t i = 0; i < PLANT_CAUSES_MAX && plant->causes[i]; i++)
		if (phase_of_cause(plant->causes[i]) == phase)
			return true;
	return false;
}

static bool is_decided(const struct verdict *verdict)
{
	return verdict->phase != PHASE_UNDECIDED && verdict->phase != PHASE_NONE;
}

static bool names_right_cause(const struct plant *plant, const struct verdict *verdict)
{
	return verdict->cause_count && is_right_cause(plant, verdict->causes[0].cause);
}

/* How surely a verdict says what is not so; STRENGTH_NONE = it does not. */
static enum strength wrongness_of(const struct plant *plant, const struct verdict *verdict)
{
	const struct suspect *first = &verdict->causes[0];

	if (!is_decided(verdict))
		return STRENGTH_NONE;
	if (!is_right_phase(plant, verdict->phase))
		return verdict->strength;
	/* A first suspect that is not tested yet is no statement. */
	return !names_right_cause(plant, verdict) && first->strength >= STRENGTH_STRONG
		       ? first->strength
		       : STRENGTH_NONE;
}

static bool is_truth(const struct plant *plant, const struct verdict *verdict)
{
	return is_decided(verdict) && verdict->strength >= STRENGTH_MODERATE &&
	       is_right_phase(plant, verdict->phase) &&
	       (plant->anonymous || names_right_cause(plant, verdict));
}

static const char *describe(const struct verdict *verdict, char text[static 160])
{
	snprintf(text, 160, "%s, %s; first %s, %s; next %s", phase_name(verdict->phase),
		strength_name(verdict->strength),
		verdict->cause_count ? verdict->causes[0].cause : "-",
		verdict->cause_count ? strength_name(verdict->causes[0].strength) : "-",
		verdict->next.experiment ? verdict->next.experiment : "-");
	return text;
}

/* --- The visit ------------------------------------------------------------------------------- */

static const struct model *choose_model(struct dice *dice, enum phone_kind kind)
{
	static const char *const products[] = {
		"iPhone9,1", "iPhone10,1", "iPhone10,6", "iPhone12,3", "iPhone13,2"};
	const struct model *model;

	do {
		model = model_by_product(products[dice_roll(dice, ARRAY_SIZE(products))]);
	} while ((kind == PHONE_FACE_ID && !model_has(model, HARDWARE_FLEX_I2C)) ||
		 (kind == PHONE_AUDIO_IC && !model_has(model, HARDWARE_AUDIO_IC)));
	return model;
}

static struct phone make_phone(struct dice *dice, const struct model *model)
{
	struct phone phone = {.model = model, .shows_loader = dice_chance(dice, 70)};

	phone.ecid = UINT64_C(0x1C000000000000) + dice_roll(dice, 1u << 30);
	if (model->chip_id >= 0x8020)
		snprintf(phone.udid, sizeof(phone.udid), "%08X-%016llX", model->chip_id,
			(unsigned long long)phone.ecid);
	else
		snprintf(phone.udid, sizeof(phone.udid), "%040llx", (unsigned long long)phone.ecid);
	return phone;
}

static const char *choose_symptom(struct dice *dice, const struct plant *plant)
{
	unsigned weights = 0, roll;
	size_t i = 0;

	for (; i < PLANT_SYMPTOMS_MAX; i++)
		weights += plant->symptoms[i].weight;
	roll = dice_roll(dice, weights);
	for (i = 0; roll >= plant->symptoms[i].weight; i++)
		roll -= plant->symptoms[i].weight;
	return plant->symptoms[i].name;
}

static void open_visit(struct visit *visit, uint64_t seed)
{
	struct dice dice = dice_new(seed, DICE_WORLD);
	const struct plant *plant = &plants[dice_roll(&dice, (unsigned)plant_count)];
	struct shop *shop = &visit->shop;
	size_t words = 0;

	memset(visit, 0, offsetof(struct visit, courses));
	visit->course_count = visit->experiments = visit->successes = 0;
	visit->lucky = false;
	visit->wrongness = STRENGTH_NONE;
	visit->reached = NEVER;
	visit->seed = seed;
	visit->plant = plant;
	visit->dice = dice_new(seed, DICE_WALK);
	visit->symptom = choose_symptom(&dice, plant);
	visit->has_run = dice_chance(&dice, 90);
	visit->direct_port = dice_roll(&dice, 3);
	visit->setup.knobs[KNOB_TOOL] =
		!text_equal(plant->name, "old tool") && dice_chance(&dice, 70);
	visit->own = dice_roll(&dice, 2) ? KNOB_BIT(KNOB_TOOL) : 0;
	visit->own |= dice_roll(&dice, 2) ? KNOB_BIT(KNOB_FIRMWARE) : 0;
	shop->second_is_mac = dice_chance(&dice, 50);
	if (shop->second_is_mac)
		visit->own |= KNOB_BIT(KNOB_TOOL) | KNOB_BIT(KNOB_FIRMWARE);
	visit->labels = dice_chance(&dice, 85);
	shop->phone = make_phone(&dice, choose_model(&dice, plant->kind));
	for (size_t i = 0; i < PLANT_HISTORY_MAX && plant->history[i].word; i++)
		if (dice_chance(&dice, plant->history[i].percent))
			shop->history[words++] = plant->history[i].word;
	story("--- seed %llu: %s on an %s%s%s%s\n", (unsigned long long)seed, plant->name,
		shop->phone.model->name, visit->labels ? "" : ", no cable labels",
		visit->has_run ? "" : ", without run", shop->second_is_mac ? ", a Mac" : "");
	for (size_t i = 0; i < words; i++)
		story("    history: %s\n", shop->history[i]);
}

static void name_port(const struct visit *visit, char port[static PORT_SIZE])
{
	static const char *const first[] = {"1-2", "1-2.3", "1-2.4.1"};
	unsigned used = visit->setup.knobs[KNOB_PORT];

	if (used == 0 && !visit->setup.knobs[KNOB_COMPUTER])
		text_copy(port, PORT_SIZE, first[visit->direct_port]);
	else
		snprintf(port, PORT_SIZE, "1-%u", 4 + used % 8);
}

static void show_course(const struct course *course)
{
	static const char *const sources[] = {[SOURCE_USBMUXD] = "usbmuxd",
		[SOURCE_USB] = "usb",
		[SOURCE_KERNEL] = "kernel",
		[SOURCE_LINK] = "link"};

	story("    %s\n", course->symptom ? course->symptom->name : "succeeds");
	for (size_t i = 0; i < course->count; i++) {
		const struct message *message = &course->messages[i];

		story("      %7.2f %s %s %s %s\n", (double)message->at_us / 1e6,
			message->kind == MESSAGE_EVENT ? sources[message->event.source] : "tool",
			message->kind == MESSAGE_EVENT ? event_kind_name(message->event.kind)
			: message->kind == MESSAGE_END ? "ends"
						       : "",
			message->event.mode ? device_mode_name(message->event.mode) : "",
			message->text);
	}
}

/* Restores `phone`; the visit's own phone may fail. */
static void attempt(struct visit *visit, const struct phone *phone, bool must_fail)
{
	const struct plant *plant = visit->plant;
	struct course *course = &visit->courses[visit->course_count];
	bool bench_side = !(plant->cured_by & ~(KNOB_BIT(KNOB_FLEX) - 1)) && plant->cured_by;
	bool own = phone == &visit->shop.phone;
	bool fails = plant_acts(plant, &visit->setup) &&
		     (must_fail || dice_chance(&visit->dice, plant->fails_percent));

	course->setup = visit->setup;
	course->phone = *phone;
	course->has_run = visit->has_run;
	course->watches_bus = visit->seed % 2;
	course->labelled = visit->labels;
	course->symptom = NULL;
	if (fails && (own || (bench_side && !(plant->cured_by & KNOB_BIT(KNOB_ACTION)))))
		course->symptom = symptom_find(
			plant->varies ? choose_symptom(&visit->dice, plant) : visit->symptom);
	name_port(visit, course->port);
	course_make(course, &visit->dice);
	show_course(course);
	visit->pauses_us[visit->course_count] = (30 + dice_roll(&visit->dice, 900)) * USEC_PER_SEC;
	shop_play(&visit->shop, course, visit->pauses_us[visit->course_count++]);
	visit->lucky |= own && !course->symptom && plant_acts(plant, &visit->setup);
	if (own)
		visit->successes = course->symptom ? 0 : visit->successes + 1;
}

/* The phone's own connector is a part of the connection, and no experiment tells it apart before
 * another cable or computer is tried: then "the connection" is right, if no more is said. */
static bool is_told_apart(const struct visit *visit)
{
	return !visit->plant->on_line || visit->verdict.phase != PHASE_CONNECTION ||
	       visit->verdict.causes[0].strength >= STRENGTH_STRONG ||
	       visit->setup.knobs[KNOB_CABLE] || visit->setup.knobs[KNOB_COMPUTER];
}

static void judge(struct visit *visit)
{
	const struct plant *plant = visit->plant;
	struct verdict *verdict = &visit->verdict;
	enum strength wrongness;
	char text[160];

	shop_judge(&visit->shop, false, verdict);
	story("  %u: %s\n", visit->experiments, describe(verdict, text));
	wrongness = is_told_apart(visit) ? wrongness_of(plant, verdict) : STRENGTH_NONE;
	check(visit->lucky ? SELDOM_MISLED : NEVER_WRONG, wrongness < STRENGTH_STRONG, visit,
		describe(verdict, text));
	check(MONOTONE, wrongness <= visit->wrongness || wrongness < STRENGTH_MODERATE, visit,
		text);
	visit->wrongness = wrongness;
	if (visit->reached == NEVER && is_truth(plant, verdict))
		visit->reached = visit->experiments;
}

/* Turns a knob as somebody who does not follow the program. */
static void turn_alone(struct visit *visit, enum knob knob)
{
	story("  turns knob %d without the program\n", knob);
	setup_turn(&visit->setup, knob, 1, visit->own);
}

static bool has_part(const struct visit *visit, enum knob knob)
{
	return knob != KNOB_FLEX || model_has(visit->shop.phone.model, HARDWARE_FLEX_I2C);
}

/* The first knob of the fixed order that was not turned; KNOB_COUNT = none. */
static enum knob next_fixed(const struct visit *visit, const struct setup *setup)
{
	for (size_t i = 0; i < fixed_order_count; i++)
		if (!setup->knobs[fixed_order[i]] && has_part(visit, fixed_order[i]))
			return fixed_order[i];
	return KNOB_COUNT;
}

static void note(struct visit *visit, const char *word)
{
	for (size_t i = 0; i < SHOP_HISTORY_MAX; i++) {
		if (visit->shop.history[i])
			continue;
		visit->shop.history[i] = word;
		return;
	}
}

static void put_part_back(struct visit *visit)
{
	for (int knob = KNOB_FLEX; knob < KNOB_COUNT; knob++) {
		if (!visit->setup.knobs[knob])
			continue;
		visit->setup.knobs[knob] = 0;
		return;
	}
}

/* Does what the program says. Without a step, or with the same step once more that has changed
 * nothing, technicians go on by themselves. Returns what they do, or NULL if there is nothing left
 * to do. */
static const struct trial *follow(struct visit *visit)
{
	static const struct trial alone;
	const char *word = visit->verdict.next.experiment;
	const struct trial *trial = word ? trial_find(word) : NULL, *before = visit->last;
	enum knob knob = next_fixed(visit, &visit->setup);

	visit->last = trial;
	if ((!trial || trial->ends) && is_decided(&visit->verdict))
		return NULL;
	if (!trial || trial->ends || (trial == before && !trial->part_back)) {
		if (knob == KNOB_COUNT)
			return NULL;
		turn_alone(visit, knob);
		return &alone;
	}
	if (trial->noted)
		note(visit, trial->noted);
	if (trial->part_back)
		put_part_back(visit);
	for (size_t i = 0; i < trial->change_count; i++)
		setup_turn(
			&visit->setup, trial->changes[i].knob, trial->changes[i].value, visit->own);
	visit->labels |= trial->change_count && trial->changes[0].knob == KNOB_CABLE;
	return trial;
}

static bool puts_back(const struct visit *visit)
{
	const char *word = visit->verdict.next.experiment;
	const struct trial *trial = word ? trial_find(word) : NULL;

	return trial && trial->part_back;
}

/* Returns false where the technician is done. */
static bool experiment(struct visit *visit)
{
	static const struct trial erring;
	const struct trial *trial = &erring;
	struct phone good = make_phone(&visit->dice, choose_model(&visit->dice, PHONE_ANY));
	enum knob knob = fixed_order[dice_roll(&visit->dice, (unsigned)fixed_order_count)];

	if (visit->successes >= (puts_back(visit) ? 4 : 2) || visit->experiments == EXPERIMENTS_MAX)
		return false;
	if (dice_chance(&visit->dice, ERRS_PERCENT) && has_part(visit, knob))
		turn_alone(visit, knob);
	else
		trial = follow(visit);
	if (!trial)
		return false;
	visit->experiments++;
	for (unsigned i = 0; i <= trial->more; i++)
		attempt(visit, trial->good_phone ? &good : &visit->shop.phone, false);
	return true;
}

/* The experiments that the fixed order needs: up to the change that cures, or all of them. */
static unsigned fixed_experiments(const struct visit *visit)
{
	struct setup setup = visit->courses[0].setup;
	unsigned experiments = 0;

	enum knob knob;

	while (plant_acts(visit->plant, &setup) &&
		(knob = next_fixed(visit, &setup)) != KNOB_COUNT) {
		experiments++;
		setup_turn(&setup, knob, 1, visit->own);
	}
	return experiments;
}

/* Plays all attempts once more, as they come to other daemons. */
static void replay(struct visit *visit, const struct arrival *arrival, struct verdict *ret)
{
	struct shop shop = {.second_is_mac = visit->shop.second_is_mac,
		.arrival = *arrival,
		.dice = dice_new(visit->seed, DICE_OTHER_ARRIVAL),
		.phone = visit->shop.phone};

	memcpy(shop.history, visit->shop.history, sizeof(shop.history));
	shop_open(&shop);
	for (size_t i = 0; i < visit->course_count; i++)
		shop_play(&shop, &visit->courses[i], visit->pauses_us[i]);
	shop_judge(&shop, run.verbose, ret);
	shop_close(&shop);
}

static void compare_replays(struct visit *visit)
{
	static struct verdict other;
	char text[160], other_text[160], what[400];

	story("  the same attempts, disturbed:\n");
	replay(visit, &disturbed, &other);
	snprintf(what, sizeof(what), "%s\n    but %s", describe(&visit->verdict, text),
		describe(&other, other_text));
	check(SAME_VERDICT, text_equal(text, other_text), visit, what);
	if (!visit->has_run || visit->seed % LOG_ALONE_EACH)
		return;
	story("  the same attempts, the log alone:\n");
	replay(visit, &log_alone, &other);
	snprintf(what, sizeof(what), "%s\n    with the log alone %s", text,
		describe(&other, other_text));
	check(MONOTONE,
		visit->wrongness <= wrongness_of(visit->plant, &other) ||
			visit->wrongness < STRENGTH_MODERATE,
		visit, what);
}

static void count(const struct visit *visit)
{
	struct score *score = &run.scores[visit->plant - plants];
	const struct verdict *verdict = &visit->verdict;

	score->phones++;
	if (visit->wrongness >= STRENGTH_MODERATE)
		score->wrong++;
	else if (is_truth(visit->plant, verdict))
		score->right++;
	else if (is_decided(verdict) && verdict->strength >= STRENGTH_MODERATE)
		score->phase++;
	else
		score->undecided++;
	score->reached[visit->reached]++;
	score->fixed[fixed_experiments(visit)]++;
}

static void simulate(uint64_t seed)
{
	static struct visit visit;

	open_visit(&visit, seed);
	visit.shop.arrival = prompt;
	visit.shop.dice = dice_new(seed, DICE_ARRIVAL);
	shop_open(&visit.shop);
	attempt(&visit, &visit.shop.phone, true);
	do {
		judge(&visit);
	} while (experiment(&visit));
	shop_close(&visit.shop);
	compare_replays(&visit);
	count(&visit);
}

/* --- The report --------------------------------------------------------------------------------
 */

static unsigned median(const unsigned counts[static NEVER + 1], size_t all)
{
	size_t seen = 0;
	unsigned value = 0;

	for (; value < NEVER; value++) {
		seen += counts[value];
		if (2 * seen >= all)
			break;
	}
	return value;
}

static bool print_scores(void)
{
	bool good = true;

	printf("%-16s %7s %7s %7s %9s %6s %12s %6s\n", "planted", "phones", "right", "phase",
		"undecided", "wrong", "experiments", "fixed");
	for (size_t i = 0; i < plant_count; i++) {
		const struct score *score = &run.scores[i];
		unsigned reached, fixed;

		if (!score->phones)
			continue;
		reached = median(score->reached, score->phones);
		fixed = median(score->fixed, score->phones);
		printf("%-16s %7zu %7zu %7zu %9zu %6zu ", plants[i].name, score->phones,
			score->right, score->phase, score->undecided, score->wrong);
		if (reached == NEVER)
			printf("%12s %6u\n", "never", fixed);
		else
			printf("%12u %6u\n", reached, fixed);
		run.checked[FEW_EXPERIMENTS]++;
		if (reached > fixed + EXTRA_EXPERIMENTS)
			run.failed[FEW_EXPERIMENTS]++;
	}
	for (int p = 0; p < PROPERTY_COUNT; p++) {
		printf("%s: %zu checked, %zu failed\n", properties[p].text, run.checked[p],
			run.failed[p]);
		good &= 1000 * run.failed[p] <= properties[p].allowed_per_mille * run.checked[p];
	}
	return good;
}

/* Every experiment of the program has its row. */
static bool knows_experiments(void)
{
	bool good = true;

	for (size_t i = 0; i < knowledge_experiments_count; i++) {
		if (trial_find(knowledge_experiments[i].word))
			continue;
		printf("plants.c has no trial for the experiment %s\n",
			knowledge_experiments[i].word);
		good = false;
	}
	return good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
		{"phones", required_argument, NULL, 'p'}, {"all", no_argument, NULL, 'a'},
		{"verbose", no_argument, NULL, 'v'}, {0}};
	uint64_t seed = 1, phones = 1000;
	int option;

	run.shown = FAILURES_SHOWN;

	while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'p')
			phones = strtoull(optarg, NULL, 10);
		else if (option == 'a')
			run.shown = SIZE_MAX;
		else if (option == 'v')
			run.verbose = true;
		else
			return 2;
	}
	if (!knows_experiments())
		return 1;
	for (uint64_t i = 0; i < phones; i++)
		simulate(seed + i);
	return print_scores() ? 0 : 1;
}
