/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completes a command line for the shells: from the tables of the commands, the knowledge and, with
 * a short limit, the daemon. It reports no error: a Tab key has no place for one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/connection.h"
#include "client/options.h"
#include "client/phrase.h"
#include "common/base/text.h"
#include "common/model/attempt.h"
#include "common/model/factor.h"
#include "common/model/history_word.h"

#define ANSWER_MS 300 /* per question */
#define SESSIONS_ASKED 200
#define WORDS_MAX 500
#define IDENTIFIER_END 4 /* characters of an ECID or UDID that select it */
#define MEANING_SIZE 320

/* The command line up to the word to complete. */
struct line {
	const struct command *command;	     /* NULL = its name is not typed yet */
	const struct command_option *option; /* whose value is next; NULL = none */
	enum completion words;		     /* of the command's other words */
	size_t word_count;		     /* other words */
	bool options_ended;		     /* with -- */
};

/* The word to complete. */
struct answer {
	struct context *context;
	const char *word;   /* what is typed of it */
	const char *before; /* its beginning that stays: "--case=" */
	int before_length;
	const char *printed[WORDS_MAX]; /* they outlive the answer */
	size_t count;
};

static void offer(struct answer *answer, const char *word, const char *meaning)
{
	char clean[MEANING_SIZE];

	if (!word || !*word || strncasecmp(word, answer->word, strlen(answer->word)) != 0)
		return;
	for (size_t i = 0; i < answer->count; i++)
		if (text_equal(answer->printed[i], word))
			return;
	if (answer->count == WORDS_MAX)
		return;
	answer->printed[answer->count++] = word;
	text_clean(word, strlen(word), clean, sizeof(clean));
	printf("%.*s%s", answer->before_length, answer->before, clean);
	text_clean(meaning, strlen(meaning), clean, sizeof(clean));
	printf("\t%s\n", clean);
}

/* The same for a word that is made here. */
static void offer_pair(
	struct answer *answer, const char *first, const char *second, const char *meaning)
{
	char pair[MEANING_SIZE];

	snprintf(pair, sizeof(pair), "%s%s", first, second);
	offer(answer, pair, meaning);
	/* `pair` ends here. */
	if (answer->count > 0 && answer->printed[answer->count - 1] == pair)
		answer->count--;
}

/* From the tables and the knowledge */

static void offer_options(struct answer *answer, const struct command_option *option)
{
	for (; option && option->name; option++)
		offer_pair(answer, "--", option->name, option->help);
}

static void offer_commands(struct answer *answer)
{
	for (const struct command *const *command = commands; *command; command++)
		offer(answer, (*command)->name, (*command)->summary);
}

/* The words of a row. In a list, those before the last comma stay. */
static void offer_words(struct answer *answer, const char *words, bool list)
{
	const char *comma = list ? strrchr(answer->word, ',') : NULL;
	char buffer[MEANING_SIZE], *rest, *word;

	text_copy(buffer, sizeof(buffer), words);
	if (comma) {
		answer->before_length += (int)(comma + 1 - answer->word);
		answer->word = comma + 1;
	}
	for (word = strtok_r(buffer, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		offer_pair(answer, word, "", "");
}

static void offer_states(struct answer *answer, const char *key, bool with_key)
{
	const struct factor *factor = factor_by_key(key);
	char start[CONDITION_KEY_SIZE + 1] = "";

	if (with_key)
		snprintf(start, sizeof(start), "%s=", key);
	for (size_t i = 0; factor && i < FACTOR_VALUES_MAX && factor->values[i]; i++)
		offer_pair(answer, start, factor->values[i], "");
	if (factor)
		offer_pair(answer, start, "unknown", "");
}

static void offer_condition(struct answer *answer)
{
	const char *equals = strchr(answer->word, '=');
	char key[CONDITION_KEY_SIZE] = "";
	size_t count;
	const struct factor *factors = factor_all(&count);

	for (size_t i = 0; !equals && i < count; i++)
		offer_pair(answer, factors[i].key, "=", factors[i].name);
	if (equals && (size_t)(equals - answer->word) < sizeof(key)) {
		memcpy(key, answer->word, (size_t)(equals - answer->word));
		offer_states(answer, key, true);
	}
}

static void offer_keys(struct answer *answer)
{
	size_t count;
	const struct factor *factors = factor_all(&count);

	for (size_t i = 0; i < count; i++)
		offer(answer, factors[i].key, factors[i].name);
}

static void offer_history(struct answer *answer)
{
	size_t count;
	const struct history_word *words = history_words(&count);

	for (size_t i = 0; i < count; i++)
		offer(answer, words[i].word, words[i].means);
}

/* From the daemon */

/* Returns NULL if the daemon is absent, slow or has no answer. */
static struct json_object *ask(struct answer *answer, const char *method, int64_t limit)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(varlink_reply_done) struct varlink_reply reply = {0};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	json_put_known_number(&builder, parameters, "limit", limit);
	if (connection_open(answer->context->socket, &connection) < 0) {
		json_object_put(parameters);
		return NULL;
	}
	if (connection_send(connection, &builder, method, parameters, false) < 0 ||
		connection_wait(connection, ANSWER_MS, &reply) < 0 || reply.error)
		return NULL;
	return json_object_get(reply.parameters);
}

/* "iPhone 11 Pro …5E6F failed 2026-11-22 20:57": what a person recognises a session or phone by. */
static void describe(struct json_object *object, char meaning[static MEANING_SIZE])
{
	int64_t started = field_number_or(object, "startedUSec", 0);
	const char *identifier = phrase_identifier(object);
	const char *ticket = field_text(object, "ticket");
	size_t length = identifier ? strlen(identifier) : 0;

	snprintf(meaning, MEANING_SIZE, "%s%s%s %s%s%s%s%s", phrase_model(object),
		length > IDENTIFIER_END ? " .." : "",
		length > IDENTIFIER_END ? identifier + length - IDENTIFIER_END : "",
		field_text_or(object, "outcome", field_text_or(object, "mode", "")),
		started ? " " : "", started ? phrase_minute(started).text : "",
		ticket ? ", ticket " : "", ticket ? ticket : "");
}

static const char *end_of(const char *identifier)
{
	size_t length = identifier ? strlen(identifier) : 0;

	return length > IDENTIFIER_END ? identifier + length - IDENTIFIER_END : NULL;
}

/* Of a Device or Session. */
static void offer_phone(struct answer *answer, struct json_object *object)
{
	char meaning[MEANING_SIZE];

	describe(object, meaning);
	offer(answer, end_of(phrase_identifier(object)), meaning);
}

static void offer_session(struct answer *answer, struct json_object *session)
{
	char meaning[MEANING_SIZE];

	describe(session, meaning);
	offer(answer, phrase_session(field_text_or(session, "session", "")), meaning);
}

static void offer_ticket(struct answer *answer, struct json_object *session)
{
	char meaning[MEANING_SIZE];

	describe(session, meaning);
	offer(answer, field_text(session, "ticket"), meaning);
}

/* Of a Session or Place. */
static void offer_cable(struct answer *answer, struct json_object *object)
{
	struct json_object *conditions = field_list(object, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i);

		if (text_equal(field_text_or(condition, "key", ""), "cable"))
			offer(answer, field_text(condition, "value"), "");
	}
}

static void offer_port(struct answer *answer, struct json_object *device)
{
	char meaning[MEANING_SIZE];

	describe(device, meaning);
	if (!text_equal(field_text_or(device, "mode", ""), "gone"))
		offer(answer, field_text(device, "port"), meaning);
}

/* A place of the shop: its port, with the name of the slot. */
static void offer_place(struct answer *answer, struct json_object *place)
{
	const char *name = phrase_slot(place);

	offer(answer, field_text(place, "port"), name ? name : "");
}

/* What the daemon knows, in the order of the answer. */
static const struct source {
	enum completion completion;
	const char *method, *list;
	void (*offer)(struct answer *answer, struct json_object *item);
} sources[] = {
	{COMPLETE_PORT, "ListDevices", "devices", offer_port},
	{COMPLETE_PORT, "GetConditions", "places", offer_place},
	{COMPLETE_DEVICE, "ListDevices", "devices", offer_port},
	{COMPLETE_DEVICE, "ListDevices", "devices", offer_phone},
	{COMPLETE_DEVICE, "ListSessions", "sessions", offer_phone},
	{COMPLETE_SESSION, "ListSessions", "sessions", offer_session},
	{COMPLETE_DEVICE_OR_SESSION, "ListDevices", "devices", offer_port},
	{COMPLETE_DEVICE_OR_SESSION, "ListDevices", "devices", offer_phone},
	{COMPLETE_DEVICE_OR_SESSION, "ListSessions", "sessions", offer_phone},
	{COMPLETE_DEVICE_OR_SESSION, "ListSessions", "sessions", offer_session},
	{COMPLETE_TICKET, "ListSessions", "sessions", offer_ticket},
	{COMPLETE_CABLE, "GetConditions", "places", offer_cable},
	{COMPLETE_CABLE, "ListSessions", "sessions", offer_cable},
};

static void offer_stored(struct answer *answer, enum completion completion)
{
	/* Each question is asked once; the words point into the answers until the end. */
	struct json_object *replies[ARRAY_SIZE(sources)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct source *source = &sources[i];
		struct json_object *list;

		if (source->completion != completion)
			continue;
		if (i > 0 && sources[i - 1].completion == completion &&
			text_equal(sources[i - 1].method, source->method))
			replies[i] = json_object_get(replies[i - 1]);
		else
			replies[i] = ask(answer, source->method,
				text_equal(source->method, "ListSessions") ? SESSIONS_ASKED : 0);
		list = field_list(replies[i], source->list);
		for (size_t j = 0; j < field_count(list); j++)
			source->offer(answer, field_item(list, j));
	}
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
		json_object_put(replies[i]);
}

/* The command line */

static const struct command_option *find_letter(const struct command_option *option, char letter)
{
	for (; option && option->name; option++)
		if (option->number == letter)
			return option;
	return NULL;
}

/* Like getopt_long(3), accepts the beginning of a name. */
static const struct command_option *find_long(
	const struct command_option *option, const char *name, size_t length)
{
	const struct command_option *found = NULL;

	for (; option && option->name; option++) {
		if (strncmp(option->name, name, length) != 0)
			continue;
		if (!option->name[length])
			return option;
		found = found ? found : option;
	}
	return found;
}

static const struct command_option *find_option(
	const struct line *line, const char *word, size_t length)
{
	const struct command_option *own = line->command ? line->command->options : NULL;
	const struct command_option *option;

	if (word[1] != '-') {
		/* Of a group of letters, the last one may have a value. */
		option = find_letter(own, word[length - 1]);
		return option ? option : find_letter(shared_options, word[length - 1]);
	}
	option = find_long(own, word + 2, length - 2);
	return option ? option : find_long(shared_options, word + 2, length - 2);
}

static void read_option(struct context *context, struct line *line, const char *word)
{
	size_t length = strcspn(word, "=");
	const struct command_option *option = find_option(line, word, length);

	if (!option)
		return;
	if (!option->value && option->completion)
		line->words = option->completion;
	if (option->value && !word[length])
		line->option = option;
	if (text_equal(option->name, "socket") && word[length])
		context->socket = word + length + 1;
}

/* Reads a word before the one to complete. */
static void read_word(struct context *context, struct line *line, const char *word)
{
	if (line->option) {
		if (text_equal(line->option->name, "socket"))
			context->socket = word;
		line->option = NULL;
	} else if (!line->options_ended && text_equal(word, "--")) {
		line->options_ended = true;
	} else if (!line->options_ended && word[0] == '-' && word[1]) {
		read_option(context, line, word);
	} else if (!line->command) {
		line->command = command_find(word);
		line->words = line->command ? line->command->words : COMPLETE_NOTHING;
	} else {
		line->word_count++;
	}
}

static void complete(struct answer *answer, enum completion completion, const char *words)
{
	bool path = completion == COMPLETE_FILE || completion == COMPLETE_FOLDER;

	puts(!path ? "words" : completion == COMPLETE_FILE ? "files" : "folders");
	switch (completion) {
	case COMPLETE_WORDS:
	case COMPLETE_LIST:
		offer_words(answer, words, completion == COMPLETE_LIST);
		break;
	case COMPLETE_COMMAND:
		offer_commands(answer);
		break;
	case COMPLETE_STATE:
		offer_states(answer, words, false);
		break;
	case COMPLETE_CONDITION:
		offer_condition(answer);
		break;
	case COMPLETE_KEY:
		offer_keys(answer);
		break;
	case COMPLETE_HISTORY:
		offer_history(answer);
		break;
	default:
		offer_stored(answer, completion);
	}
}

static void complete_option(struct answer *answer, const struct line *line)
{
	size_t length = strcspn(answer->word, "=");
	const struct command_option *option =
		answer->word[length] ? find_option(line, answer->word, length) : NULL;

	if (option && option->value) {
		answer->before_length = (int)length + 1;
		answer->word += length + 1;
		complete(answer, option->completion, option->words);
		return;
	}
	puts("words");
	offer_options(answer, line->command ? line->command->options : NULL);
	offer_options(answer, shared_options);
}

/* Whether the word is in the command line of a program that the command starts. */
static bool in_program(const struct line *line)
{
	return line->command && line->command->ordered &&
	       (line->word_count > 0 || line->options_ended);
}

int complete_words(struct context *context, int count, char **words)
{
	struct answer answer = {.context = context, .word = count > 0 ? words[count - 1] : ""};
	struct line line = {0};

	answer.before = answer.word;
	for (int i = 0; i < count - 1; i++) {
		read_word(context, &line, words[i]);
		if (in_program(&line)) {
			printf("program %d\n", i + line.options_ended);
			return EXIT_DONE;
		}
	}
	if (line.option)
		complete(&answer, line.option->completion, line.option->words);
	else if (!line.options_ended && answer.word[0] == '-')
		complete_option(&answer, &line);
	else if (!line.command)
		complete(&answer, COMPLETE_COMMAND, NULL);
	else if (line.words == COMPLETE_PROGRAM)
		printf("program %d\n", count - 1);
	else if (line.word_count == 0 || line.words == COMPLETE_FILE)
		complete(&answer, line.words, NULL);
	else
		puts("words");
	return EXIT_DONE;
}
