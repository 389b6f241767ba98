/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/phrase.h"
#include "client/try/keys.h"
#include "client/try/notice.h"
#include "common/base/text.h"
#include "common/model/factor.h"
#include "common/model/usb_identity.h"

#define RISK_ERASES 9 /* of experiments.txt */

static enum answer refuse(const char *what, const char *cure)
{
	report_error("Cannot ask %s: this is not a terminal. %s", what, cure);
	return ANSWER_FAILURE;
}

static enum answer yes_or_stop(const char *question)
{
	return keys_ask(question, "yn") == 'y' ? ANSWER_DONE : ANSWER_STOP;
}

static enum answer ask_consent(struct trial *trial)
{
	if (trial->experiment->risk < RISK_ERASES || trial->yes)
		return ANSWER_DONE;
	if (!trial->live)
		return refuse(
			"for consent to erase the phone", "Add --yes if the customer agrees.");
	return yes_or_stop("It erases the phone. Does the customer agree? (y/n)");
}

static enum answer wait_for_change(struct trial *trial)
{
	struct json_object *device = field_object(trial->before, "device");
	const char *port = field_text_or(trial->last, "port", field_text_or(device, "port", ""));
	struct notice notice = {.context = trial->context,
		.done = trial->experiment->done,
		.live = trial->live,
		.ecid = field_text(device, "ecid"),
		.udid = field_text(device, "udid")};

	/* A port that a person named may be any text. */
	if (usb_port_ok(port, strlen(port)))
		text_copy(notice.port, sizeof(notice.port), port);
	switch (notice_wait(&notice)) {
	case NOTICED_CHANGE:
	case NOTICED_WORD:
		return ANSWER_DONE;
	case NOTICED_STOP:
		return ANSWER_STOP;
	default:
		return ANSWER_FAILURE;
	}
}

enum answer ask_change(struct trial *trial)
{
	enum answer answer = ask_consent(trial);

	if (answer != ANSWER_DONE)
		return answer;
	switch (trial->experiment->done) {
	case DONE_BY_HAND:
	case DONE_NOTHING:
	case DONE_ELSEWHERE:
		return ANSWER_DONE;
	case DONE_ASKED:
		if (trial->yes)
			return ANSWER_DONE;
		if (!trial->live)
			return refuse("whether it is done", "Do it, then add --yes.");
		return yes_or_stop("Is it done? (y/n)");
	default:
		return wait_for_change(trial);
	}
}

/* A cable without a label cannot be compared: labels the one of the last attempt. */
static enum answer ask_old_label(struct trial *trial, const struct factor *factor)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *list = field_list(trial->last, "conditions");
	struct reported old = {0};
	char label[DETAIL_SIZE], question[160], free_label[2];

	for (size_t i = 0; i < field_count(list); i++)
		if (text_equal(field_text_or(field_item(list, i), "key", ""), factor->key))
			return ANSWER_DONE;
	if (!trial->live || !factor->doubt || !trial->last)
		return ANSWER_DONE;
	snprintf(question, sizeof(question),
		"The last attempt has no label for its %s. Label:", factor->name);
	do
		if (!keys_line(question, trial_free_label(trial, factor->key, free_label), label,
			    sizeof(label)))
			return ANSWER_STOP;
	while (reported_set(&old, factor->name, factor->key, label) != EXIT_DONE);
	if (reported_amend(trial->context, trial->connection,
		    field_text_or(trial->last, "session", ""), &old, &reply) != EXIT_DONE)
		return ANSWER_FAILURE;
	return ANSWER_DONE;
}

/* The label to suggest: after the old one has been given, not the same. */
static const char *suggest(
	const struct trial *trial, const struct factor *factor, char ret[static 2])
{
	struct json_object *list = field_list(trial->last, "conditions");

	trial_free_label(trial, factor->key, ret);
	for (size_t i = 0; i < field_count(list); i++)
		if (text_equal(field_text_or(field_item(list, i), "key", ""), factor->key))
			return ret;
	if (factor->doubt)
		ret[0]++;
	return ret;
}

static enum answer ask_new_label(struct trial *trial, const struct factor *factor)
{
	char label[DETAIL_SIZE], question[160], free_label[2];

	if (!trial->live && text_equal(factor->key, "cable"))
		return refuse("for the label of the cable", "Add --cable LABEL.");
	if (!trial->live)
		return refuse("for a label", "Add --condition KEY=LABEL.");
	snprintf(question, sizeof(question), "Label of the new %s:", factor->name);
	do
		if (!keys_line(question, suggest(trial, factor, free_label), label, sizeof(label)))
			return ANSWER_STOP;
	while (trial_label(trial, factor->key, label) != EXIT_DONE);
	return ANSWER_DONE;
}

enum answer ask_labels(struct trial *trial)
{
	const struct experiment *experiment = trial->experiment;
	const struct factor *factor =
		experiment->sets_key ? factor_by_key(experiment->sets_key) : NULL;
	enum answer answer;

	/* The other computer is asked for with its result. */
	if (!factor || experiment->done == DONE_ELSEWHERE || trial_label_of(trial, factor->key))
		return ANSWER_DONE;
	if (experiment->sets_value)
		return trial_label(trial, factor->key, experiment->sets_value) == EXIT_DONE
			       ? ANSWER_DONE
			       : ANSWER_FAILURE;
	answer = ask_old_label(trial, factor);
	return answer == ANSWER_DONE ? ask_new_label(trial, factor) : answer;
}

static enum answer ask_word(struct trial *trial, char **word)
{
	bool tool = trial->experiment->command == COMMAND_TOOL;

	if (!word || !trial->live)
		return ANSWER_DONE;
	if (!keys_line(tool ? "Restore tool (Enter: the same name, a newer version):"
			    : "Firmware file (Enter: the same name, downloaded again):",
		    *word, trial->command.replacement, sizeof(trial->command.replacement)))
		return ANSWER_STOP;
	*word = trial->command.replacement;
	return ANSWER_DONE;
}

enum answer ask_command(struct trial *trial)
{
	enum command_change change = trial->experiment->command;
	enum answer answer = ask_word(trial, last_command_word(&trial->command, change));
	char **firmware = last_command_word(&trial->command, COMMAND_FIRMWARE);

	if (answer != ANSWER_DONE || trial->command.count == 0)
		return answer;
	if (!last_command_change(&trial->command, change)) {
		report_error(
			change == COMMAND_UPDATE
				? "Cannot turn the last command into an update: it has no "
				  "known option for an erase. Start the update with "
				  "`idevicetriage run`."
				: "Cannot add debug output to the last command: the option of "
				  "this tool is not known. Start it with `idevicetriage run`.");
		return ANSWER_FAILURE;
	}
	if (trial->live && firmware && access(*firmware, R_OK) < 0) {
		report_error("Cannot read %s: %m. Start `idevicetriage try` in the folder of the "
			     "last restore.",
			*firmware);
		return ANSWER_FAILURE;
	}
	return ANSWER_DONE;
}

static void add_pair(struct trial *trial, const char *option, const char *value)
{
	if (!value || !*value)
		return;
	trial_add(trial, option);
	trial_add(trial, value);
}

static enum answer ask_failure(struct trial *trial)
{
	int64_t number;
	char code[32] = "", known[32] = "";

	number = phrase_itunes_code(trial->last);
	if (number)
		snprintf(known, sizeof(known), "%" PRId64, number);
	if (!keys_line("Error number (- for none):", known, code, sizeof(code)))
		return ANSWER_STOP;
	add_pair(trial, "--error", text_equal(code, "-") ? NULL : code);
	if (!field_number(trial->last, "operation", &number))
		return ANSWER_DONE;
	switch (keys_ask("Did it stop at the same point? (y/n)", "yn")) {
	case 'y':
		snprintf(code, sizeof(code), "%d", (int)number);
		add_pair(trial, "--operation", code);
		return ANSWER_DONE;
	case 'n':
		return ANSWER_DONE;
	default:
		return ANSWER_STOP;
	}
}

/* Names the other computer, its tool and the cable there. */
static enum answer ask_computer(struct trial *trial)
{
	char host[DETAIL_SIZE] = "", tool[DETAIL_SIZE] = "", cable[DETAIL_SIZE] = "";
	const char *known = reported_text(&trial->passed, "cable");

	while (!*host)
		if (!keys_line("Name of the other computer:", "", host, sizeof(host)))
			return ANSWER_STOP;
	if (!keys_line("Restore tool there, such as finder (- if unknown):", "-", tool,
		    sizeof(tool)) ||
		!keys_line("Label of the cable there (- if unknown):", known ? known : "-", cable,
			sizeof(cable)))
		return ANSWER_STOP;
	add_pair(trial, "--host", host);
	add_pair(trial, "--tool", text_equal(tool, "-") ? NULL : tool);
	add_pair(trial, "--cable", text_equal(cable, "-") ? NULL : cable);
	return ANSWER_DONE;
}

static void add_conditions(struct trial *trial, const struct reported *reported)
{
	bool elsewhere = trial->experiment->done == DONE_ELSEWHERE;

	for (size_t i = 0; i < reported->count; i++)
		if (!elsewhere || !text_equal(reported->details[i].key, "cable"))
			trial_add_condition(
				trial, reported->details[i].key, reported->details[i].text);
}

enum answer ask_result(struct trial *trial)
{
	const char *action = field_text(trial->last, "action");
	bool starts = text_equal(action ? action : "", ACTION_BOOT);
	enum answer answer = ANSWER_DONE;
	int key;

	trial_add(trial, "attempt");
	trial_add(trial, trial->device);
	if (trial->experiment->done == DONE_ELSEWHERE)
		answer = ask_computer(trial);
	if (answer != ANSWER_DONE)
		return answer;
	add_pair(trial, "--action", action);
	trial_add_ticket(trial);
	add_conditions(trial, &trial->passed);
	add_conditions(trial, &trial->standing);
	key = keys_ask(starts ? "Start the phone. Did it start? (y/n)"
			      : "Restore the phone. Did it work? (y/n)",
		"yn");
	if (key == 'q')
		return ANSWER_STOP;
	add_pair(trial, "--outcome", key == 'y' ? "succeeded" : "failed");
	return key == 'y' || starts ? ANSWER_DONE : ask_failure(trial);
}
