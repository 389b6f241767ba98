/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `try`: the next experiment, step by step: what to change, whether the bench sees it, the next
 * restore with its labels, and what it has shown. It keeps nothing: it goes on from the sessions
 * and conditions that the daemon has. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/diagnosis_reply.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/phrase.h"
#include "client/resolve.h"
#include "client/try/ask.h"
#include "client/try/keys.h"
#include "client/try/trial.h"
#include "common/base/text.h"

enum { OPTION_YES = OPTION_OWN };

static const struct command_option own[] = {
	CONDITION_OPTIONS,
	{"yes", OPTION_YES, NULL, "confirm a change that the bench cannot see"},
	{0},
};

struct request {
	struct reported labels;
	bool yes;
	const struct experiment *experiment; /* NULL = the one that the diagnosis names */
	const char *device;		     /* as typed; NULL = of the newest session */
};

static int take(void *user, int option, const char *value)
{
	struct request *request = user;

	if (option == OPTION_YES) {
		request->yes = true;
		return EXIT_DONE;
	}
	return reported_read(&request->labels, option, value);
}

static const struct experiment *find_experiment(const char *word)
{
	for (size_t i = 0; word && i < knowledge_experiments_count; i++)
		if (text_equal(knowledge_experiments[i].word, word))
			return &knowledge_experiments[i];
	return NULL;
}

static void line(struct trial *trial, enum paint paint, const char *text)
{
	struct layout *layout = &trial->context->layout;

	layout_paint(layout, paint);
	layout_foreign(layout, text);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
	fflush(layout->out);
}

/* A line to copy, which nothing wraps. */
static void say_command(struct trial *trial, const char *before, const char *command)
{
	struct layout *layout = &trial->context->layout;
	int width = layout->width;

	layout_put(layout, "%s", before);
	layout_line(layout, 2);
	layout->width = INT_MAX;
	layout_put(layout, " ");
	layout_foreign(layout, command);
	layout_line(layout, 0);
	layout->width = width;
	fflush(layout->out);
}

static void say_how_to_continue(struct trial *trial)
{
	char command[256];

	snprintf(command, sizeof(command), "idevicetriage try %s %s", trial->experiment->word,
		trial->device);
	say_command(trial, "Stopped. Continue with:", command);
}

static void say_step(struct trial *trial)
{
	struct layout *layout = &trial->context->layout;
	const struct experiment *experiment = trial->experiment;

	line(trial, PAINT_NONE,
		field_text_or(field_object(trial->before, "verdict"), "summary", "?"));
	layout_line(layout, 0);
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "Try this: %s.", experiment->title);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
	layout_put(layout, "%s", experiment->text);
	for (size_t i = 0; i < experiment->outcome_count; i++) {
		layout_line(layout, 2);
		layout_put(layout, "%s", layout_sign(layout, "→", ">"));
		layout_tab(layout, 4);
		layout_put(layout, "if %s: %s", experiment->outcomes[i].condition,
			experiment->outcomes[i].conclusion);
	}
	layout_line(layout, 0);
	layout_line(layout, 0);
	fflush(layout->out);
}

/* For scripts: the next attempt, which they start. */
static int print_next(struct trial *trial)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);
	CLEANUP(freep) char *command = trial->argument_count ? trial_line(trial) : NULL;

	json_put_text(&builder, object, "experiment", trial->experiment->word);
	json_put_text(&builder, object, "title", trial->experiment->title);
	json_put_text(&builder, object, "text", trial->experiment->text);
	json_put_known_text(&builder, object, "device", trial->device);
	json_put_known_text(&builder, object, "command", command);
	json_put(&builder, object, "verdict",
		json_object_get(field_object(trial->before, "verdict")));
	if (builder.failed)
		return report_no_memory();
	trial->context->output->trial(&trial->context->layout, object);
	return diagnosis_code(trial->before);
}

static int ask_verdict(struct trial *trial, struct json_object **ret)
{
	return ask_diagnosis(trial->context, trial->connection, trial->device, ret);
}

/* Makes the next attempt, with a person's key. Returns EXIT_DONE if it was made. */
static enum answer make_attempt(struct trial *trial)
{
	CLEANUP(freep) char *command = NULL;
	bool runs = trial->experiment->done != DONE_ELSEWHERE && trial->command.count > 0;
	enum answer answer = ANSWER_DONE;

	if (runs)
		trial_build_run(trial);
	else
		answer = ask_result(trial);
	if (answer != ANSWER_DONE)
		return answer;
	command = trial_line(trial);
	if (!command)
		return report_no_memory(), ANSWER_FAILURE;
	say_command(trial, runs ? "The next restore:" : "To record it:", command);
	if (runs && keys_ask("Start it now? (y/n)", "yn") != 'y')
		return ANSWER_STOP;
	trial_start(trial);
	return ANSWER_DONE;
}

/* Asks and waits until the next attempt can be made. */
static enum answer prepare(struct trial *trial)
{
	enum answer answer = ask_change(trial);

	if (answer == ANSWER_DONE)
		answer = ask_labels(trial);
	if (answer == ANSWER_DONE && trial->experiment->done != DONE_ELSEWHERE)
		answer = ask_command(trial);
	if (answer == ANSWER_DONE && trial_set_conditions(trial) != EXIT_DONE)
		answer = ANSWER_FAILURE;
	return answer;
}

/* A part stays as it was said, until someone says otherwise. */
static void say_standing(struct trial *trial)
{
	struct layout *layout = &trial->context->layout;

	for (size_t i = 0; i < trial->standing.count; i++) {
		struct json_builder builder = {0};
		CLEANUP(json_object_putp) struct json_object *condition = json_new_object(&builder);

		json_put_text(&builder, condition, "key", trial->standing.details[i].key);
		json_put_text(&builder, condition, "value", trial->standing.details[i].text);
		layout_put(layout, "Recorded for this phone from now on: %s.",
			phrase_condition(condition).text);
		layout_line(layout, 0);
	}
}

/* One experiment with a person. Returns EXIT_DONE if there is a next one to offer, -1 if it was
 * stopped, or an exit code. */
static int try_live(struct trial *trial, struct json_object **after)
{
	enum answer answer = prepare(trial);
	int r;

	if (answer == ANSWER_DONE) {
		say_standing(trial);
		answer = make_attempt(trial);
	}
	if (answer == ANSWER_FAILURE)
		return EXIT_REFUSED;
	if (answer == ANSWER_STOP) {
		say_how_to_continue(trial);
		return -1;
	}
	r = ask_verdict(trial, after);
	if (r == EXIT_DONE && !outcome_say(trial, *after)) {
		report_error("The daemon has not recorded a new attempt of this phone. See "
			     "`idevicetriage sessions`.");
		return EXIT_REFUSED;
	}
	return r;
}

static int try_in_script(struct trial *trial)
{
	enum answer answer = prepare(trial);

	if (answer != ANSWER_DONE)
		return EXIT_REFUSED;
	if (trial->experiment->done == DONE_ELSEWHERE) {
		trial_add(trial, "attempt");
		trial_add(trial, trial->device);
		trial_add(trial, "--host");
		trial_add(trial, "NAME");
		trial_add(trial, "--outcome");
		trial_add(trial, "OUTCOME");
	} else {
		trial_build_run(trial);
	}
	return print_next(trial);
}

/* A step that is no experiment, such as to start the restore again, or one of a newer daemon: it
 * is only named. The texts are those of `step`. */
static void read_step(struct json_object *step, struct experiment *ret)
{
	struct json_object *outcomes = field_list(step, "outcomes");

	*ret = (struct experiment){
		.word = field_text_or(step, "experiment", "?"),
		.title = field_text_or(step, "title", "?"),
		.text = field_text_or(step, "text", "?"),
		.last = true,
		.done = DONE_BY_HAND,
	};
	while (ret->outcome_count < field_count(outcomes) &&
		ret->outcome_count < ARRAY_SIZE(ret->outcomes)) {
		struct json_object *outcome = field_item(outcomes, ret->outcome_count);

		ret->outcomes[ret->outcome_count].condition = field_text_or(outcome, "if", "?");
		ret->outcomes[ret->outcome_count++].conclusion =
			field_text_or(outcome, "then", "?");
	}
}

/* Chooses the experiment. Returns EXIT_DONE, or an exit code if there is none to make now. */
static int choose(struct trial *trial, const struct request *request)
{
	struct json_object *verdict = field_object(trial->before, "verdict");
	const char *next = field_text(field_object(verdict, "nextStep"), "experiment");

	if (field_text(verdict, "running")) {
		report_error("A restore of this phone is running. Try again when it has ended.");
		return diagnosis_code(trial->before);
	}
	trial->experiment = request->experiment ? request->experiment : find_experiment(next);
	if (!trial->experiment && next) {
		read_step(field_object(verdict, "nextStep"), &trial->step);
		trial->experiment = &trial->step;
	}
	if (trial->experiment)
		return EXIT_DONE;
	report_error("There is nothing to try: %s See `idevicetriage diagnose`.",
		field_text_or(verdict, "summary", "no failure is known."));
	return diagnosis_code(trial->before);
}

/* Names the phone for further calls: by its ECID or UDID. A step by hand makes none. */
static int name_device(struct trial *trial)
{
	const char *name = phrase_identifier(field_object(trial->before, "device"));

	if (!name && trial->experiment->done == DONE_BY_HAND)
		return EXIT_DONE;
	if (!name) {
		report_error("This phone has no ECID or UDID yet. Connect it in recovery mode, "
			     "then try again.");
		return EXIT_UNKNOWN_NAME;
	}
	text_copy(trial->device, sizeof(trial->device), name);
	return EXIT_DONE;
}

static int add_labels(struct trial *trial, const struct reported *labels)
{
	int r = EXIT_DONE;

	for (size_t i = 0; r == EXIT_DONE && i < labels->count; i++)
		r = trial_label(trial, labels->details[i].key, labels->details[i].text);
	return r;
}

static int begin(struct trial *trial, const struct request *request)
{
	int r = choose(trial, request);

	if (r == EXIT_DONE)
		r = name_device(trial);
	if (r == EXIT_DONE)
		r = add_labels(trial, &request->labels);
	return r == EXIT_DONE ? trial_find(trial) : r;
}

/* What is done by hand, and what ends the search: no restore follows here. */
static int end_by_hand(struct trial *trial)
{
	char command[256];

	if (!trial->live)
		return print_next(trial);
	snprintf(command, sizeof(command), "idevicetriage attempt %s --outcome OUTCOME",
		trial->device);
	if (!trial->experiment->last && trial->experiment->cured != CURED_ONLY && trial->device[0])
		say_command(trial,
			"Do this by hand. If you then start or restore the phone, record the "
			"result:",
			command);
	return diagnosis_code(trial->before);
}

/* Returns true to go on with the next experiment: `after` is then its diagnosis. */
static bool wants_next(struct trial *trial, struct json_object *after)
{
	struct json_object *next = field_object(field_object(after, "verdict"), "nextStep");
	struct layout *layout = &trial->context->layout;

	if (!next) {
		line(trial, PAINT_NONE, "No further test would change this verdict.");
		return false;
	}
	layout_put(layout, "Next:");
	layout_tab(layout, 9);
	layout_foreign(layout, field_text_or(next, "title", "?"));
	layout_put(layout, ".");
	layout_line(layout, 0);
	fflush(layout->out);
	/* The same step again wears the storage, and shows no more than before. */
	if (text_equal(field_text_or(next, "experiment", ""), trial->experiment->word)) {
		line(trial, PAINT_NONE,
			"This is the same step again. To repeat it, start `idevicetriage try` "
			"again.");
		return false;
	}
	return keys_ask("Go on with that? (y/n)", "yn") == 'y';
}

/* One experiment. Returns an exit code, or -1 with *ret = the diagnosis to go on with. */
static int try_one(struct context *context, struct connection *connection,
	const struct request *request, struct json_object *before, struct json_object **ret)
{
	CLEANUP(json_object_putp) struct json_object *after = NULL;
	struct trial trial = {.context = context,
		.connection = connection,
		.before = before,
		.yes = request->yes,
		.live = context->output->live && context->layout.terminal && isatty(STDIN_FILENO)};
	int r = begin(&trial, request);

	if (r == EXIT_DONE) {
		if (context->output->live)
			say_step(&trial);
		if (trial.live)
			keys_begin();
		if (trial.experiment->done == DONE_BY_HAND)
			r = end_by_hand(&trial);
		else if (!trial.live)
			r = try_in_script(&trial);
		else {
			r = try_live(&trial, &after);
			if (r == EXIT_DONE && wants_next(&trial, after))
				*ret = TAKE_PTR(after);
			else if (r <= 0)
				r = diagnosis_code(after ? after : trial.before);
		}
	}
	trial_done(&trial);
	return *ret ? -1 : r;
}

static int read_words(struct request *request, int count, char **words)
{
	int used = 0;

	if (count > 0 && (request->experiment = find_experiment(words[0])))
		used++;
	if (count == 2 && !used) {
		report_error("Unknown experiment %s. `idevicetriage --json diagnose` names the "
			     "next one.",
			words[0]);
		return EXIT_USAGE;
	}
	if (used < count)
		request->device = words[used++];
	return used < count ? options_too_many("try", words[used]) : EXIT_DONE;
}

static int run_try(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct request request = {.yes = false};
	struct json_object *before = NULL;
	int r, first = options_read(context, argc, argv, take, &request);

	if (first < 0)
		return -first;
	r = read_words(&request, argc - first, argv + first);
	if (r == EXIT_DONE)
		r = rpc_open(context, &connection);
	if (r == EXIT_DONE)
		r = ask_diagnosis(context, connection, request.device, &before);
	if (r != EXIT_DONE)
		return r;
	for (;;) {
		struct json_object *next = NULL;

		r = try_one(context, connection, &request, before, &next);
		if (!next)
			return r;
		before = next;
		/* They were of the first one. */
		request = (struct request){.yes = false};
	}
}

const struct command command_try = {
	.name = "try",
	.arguments = "[EXPERIMENT] [DEVICE]",
	.brief = "the next experiment",
	.summary = "Guide through the next experiment: what to change, then the restore.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.exits_with_phase = true,
	.examples = {{"idevicetriage try", "the next step of the newest restore"},
		{"idevicetriage try swap-cable 5E6F", "this experiment with this phone"}},
	.run = run_try,
};
