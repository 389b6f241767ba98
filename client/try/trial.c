/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/try/keys.h"
#include "common/base/text.h"
#include "common/model/factor.h"

/* The options of `run` for conditions; the others have --condition. */
static const struct {
	const char *key;
	char option[20];
} options[] = {
	{"cable", "--cable"},
	{"earpieceFlex", "--earpiece-flex"},
	{"display", "--display"},
	{"battery", "--battery"},
};

static bool has_outcome(struct json_object *session, const char *outcome)
{
	return text_equal(field_text_or(session, "outcome", ""), outcome);
}

int trial_find(struct trial *trial)
{
	struct json_object *sessions = field_list(trial->before, "sessions");
	bool worked = trial->experiment->command == COMMAND_WORKED;

	for (size_t i = 0; !trial->last && i < field_count(sessions); i++)
		if (has_outcome(field_item(sessions, i), "succeeded") ||
			(!worked && has_outcome(field_item(sessions, i), "failed")))
			trial->last = field_item(sessions, i);
	/* It has no result, but it shows where the phone was. */
	if (!trial->last && field_count(sessions))
		trial->last = field_item(sessions, 0);
	return last_command_find(
		trial->context, trial->connection, sessions, worked, &trial->command);
}

static void forget_arguments(struct trial *trial)
{
	while (trial->argument_count > 0)
		free(trial->arguments[--trial->argument_count]);
}

void trial_done(struct trial *trial)
{
	forget_arguments(trial);
	last_command_done(&trial->command);
	json_object_put(trial->before);
	trial->before = NULL;
}

/* A part of the phone stays as it is until someone changes it; a cable does not. */
static bool stays(const char *key)
{
	const struct factor *factor = factor_by_key(key);

	return factor && (factor->side == FACTOR_PART || text_equal(key, "minimalBoot"));
}

int trial_label(struct trial *trial, const char *key, const char *value)
{
	return reported_set(stays(key) ? &trial->standing : &trial->passed, key, key, value);
}

const char *trial_label_of(const struct trial *trial, const char *key)
{
	const char *standing = reported_text(&trial->standing, key);

	return standing ? standing : reported_text(&trial->passed, key);
}

static const char *condition_of(struct json_object *holder, const char *key)
{
	struct json_object *list = field_list(holder, "conditions");

	for (size_t i = 0; i < field_count(list); i++)
		if (text_equal(field_text_or(field_item(list, i), "key", ""), key))
			return field_text(field_item(list, i), "value");
	return NULL;
}

static bool is_used(const struct trial *trial, const char *key, const char *label)
{
	struct json_object *sessions = field_list(trial->before, "sessions");

	for (size_t i = 0; i < field_count(sessions); i++) {
		const char *known = condition_of(field_item(sessions, i), key);

		if (known && text_equal(known, label))
			return true;
	}
	return false;
}

const char *trial_free_label(const struct trial *trial, const char *key, char ret[static 2])
{
	text_copy(ret, 2, "A");
	while (ret[0] < 'Z' && is_used(trial, key, ret))
		ret[0]++;
	return ret;
}

/* Whether an attempt's condition says how the next one is made, and not where it was or what was
 * read off. */
static bool is_carried(const char *key)
{
	const struct factor *factor = factor_by_key(key);

	return !factor || factor->side != FACTOR_LABEL || stays(key);
}

/* Carries the states of the phone's parts from an attempt, or the other conditions. */
static int carry(
	struct trial *trial, struct json_object *place, struct json_object *attempt, bool parts)
{
	struct json_object *list = field_list(attempt, "conditions");
	int r = EXIT_DONE;

	for (size_t i = 0; r == EXIT_DONE && i < field_count(list); i++) {
		const char *key = field_text_or(field_item(list, i), "key", "");

		if (is_carried(key) && stays(key) == parts && !trial_label_of(trial, key) &&
			!condition_of(place, key))
			r = reported_set(&trial->passed, key, key,
				field_text_or(field_item(list, i), "value", ""));
	}
	return r;
}

static int set_standing(struct trial *trial)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	struct json_object *list = json_new_array(&builder);

	for (size_t i = 0; i < trial->standing.count; i++) {
		struct json_object *condition = json_new_object(&builder);

		json_put_text(&builder, condition, "key", trial->standing.details[i].key);
		json_put_text(&builder, condition, "value", trial->standing.details[i].text);
		json_add(&builder, list, condition);
	}
	json_put_text(&builder, parameters, "place", trial->device);
	json_put(&builder, parameters, "conditions", list);
	return rpc_call(
		trial->context, trial->connection, "SetConditions", &builder, parameters, &reply);
}

int trial_set_conditions(struct trial *trial)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *places, *place;
	/* The phone comes with its parts from an attempt elsewhere, but not with the cable there.
	 */
	struct json_object *here = trial->command.session ? trial->command.session : trial->last;
	int r;

	json_put_text(&builder, parameters, "place", trial->device);
	r = rpc_call(
		trial->context, trial->connection, "GetConditions", &builder, parameters, &reply);
	places = field_list(reply, "places");
	place = field_count(places) ? field_item(places, 0) : NULL;
	if (r == EXIT_DONE)
		r = carry(trial, place, trial->last, true);
	if (r == EXIT_DONE)
		r = carry(trial, place, here, false);
	return r == EXIT_DONE && trial->standing.count > 0 ? set_standing(trial) : r;
}

void trial_add(struct trial *trial, const char *word)
{
	char *copy = trial->argument_count + 1 < TRIAL_ARGUMENTS_MAX ? strdup(word) : NULL;

	if (copy)
		trial->arguments[trial->argument_count++] = copy;
	trial->arguments[trial->argument_count] = NULL;
}

void trial_add_condition(struct trial *trial, const char *key, const char *value)
{
	char pair[CONDITION_KEY_SIZE + DETAIL_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (text_equal(options[i].key, key)) {
			trial_add(trial, options[i].option);
			trial_add(trial, value);
			return;
		}
	snprintf(pair, sizeof(pair), "%s=%s", key, value);
	trial_add(trial, "--condition");
	trial_add(trial, pair);
}

void trial_add_ticket(struct trial *trial)
{
	struct json_object *sessions = field_list(trial->before, "sessions");
	const char *ticket = NULL;

	for (size_t i = 0; !ticket && i < field_count(sessions); i++)
		ticket = field_text(field_item(sessions, i), "ticket");
	if (!ticket)
		return;
	trial_add(trial, "--ticket");
	trial_add(trial, ticket);
}

void trial_build_run(struct trial *trial)
{
	forget_arguments(trial);
	if (trial->command.count == 0)
		return;
	trial_add(trial, "run");
	for (size_t i = 0; i < trial->passed.count; i++)
		trial_add_condition(
			trial, trial->passed.details[i].key, trial->passed.details[i].text);
	trial_add_ticket(trial);
	trial_add(trial, "--");
	for (size_t i = 0; i < trial->command.count; i++)
		trial_add(trial, trial->command.words[i]);
}

char *trial_line(const struct trial *trial)
{
	static const char program[] = "idevicetriage";
	size_t length = sizeof(program);
	char *line, *end;

	for (size_t i = 0; i < trial->argument_count; i++)
		length += 1 + text_shell_word(trial->arguments[i], NULL);
	line = malloc(length);
	if (!line)
		return NULL;
	memcpy(line, program, sizeof(program));
	end = line + sizeof(program) - 1;
	for (size_t i = 0; i < trial->argument_count; i++) {
		*end++ = ' ';
		end += text_shell_word(trial->arguments[i], end);
	}
	*end = '\0';
	return line;
}

void trial_start(struct trial *trial)
{
	const char *argv[TRIAL_ARGUMENTS_MAX + 4] = {
		"idevicetriage", "--socket", trial->context->socket};
	pid_t child;

	memcpy(argv + 3, trial->arguments, (trial->argument_count + 1) * sizeof(argv[0]));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
		_exit(EXIT_REFUSED);
	}
	if (child < 0) {
		report_error("Cannot start it: %s. Start it by hand.", strerror(errno));
		return;
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	/* Ctrl-C was for the restore tool. */
	keys_forget();
}
