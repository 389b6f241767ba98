/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/last_command.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/run/tool.h"
#include "common/base/text.h"
#include "common/model/event.h"
#include "common/model/known_tool.h"

#define FIRST_RECORDS 64 /* the command is among the first records of a session */
#define SESSIONS_LOOKED_AT 20

void last_command_done(struct last_command *command)
{
	free(command->line);
	*command = (struct last_command){0};
}

/* Reads the words of a line. A truncated one is not known. */
static int read_line(struct last_command *command, const char *line)
{
	char *rest, *word;

	if (strlen(line) + 1 >= EVENT_TEXT_MAX)
		return EXIT_DONE;
	command->line = rest = strdup(line);
	if (!rest)
		return report_no_memory();
	while (command->count < COMMAND_WORDS_MAX && (word = text_next_shell_word(&rest)))
		command->words[command->count++] = word;
	if (*rest || command->count == 0)
		last_command_done(command);
	command->words[command->count] = NULL;
	return EXIT_DONE;
}

static int read_session(struct context *context, struct connection *connection, const char *session,
	struct last_command *command)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *records;
	int r;

	json_put_text(&builder, parameters, "session", session);
	json_put_number(&builder, parameters, "limit", FIRST_RECORDS);
	r = rpc_call_allowing(context, connection, "ReadLog", &builder, parameters,
		INTERFACE "NoSuchSession", &reply);
	records = field_list(reply, "records");
	for (size_t i = 0; r == EXIT_DONE && i < field_count(records); i++) {
		struct json_object *record = field_item(records, i);

		if (text_equal(
			    field_text_or(record, "kind", ""), event_kind_name(EVENT_TOOL_START)) &&
			field_text(record, "text"))
			return read_line(command, field_text(record, "text"));
	}
	return r;
}

int last_command_find(struct context *context, struct connection *connection,
	struct json_object *sessions, bool worked, struct last_command *ret)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	int r = rpc_call_plain(context, connection, "GetStatus", &status);
	const char *here = field_text_or(status, "hostId", "");

	for (size_t i = 0; r == EXIT_DONE && !ret->count && i < SESSIONS_LOOKED_AT &&
			   i < field_count(sessions);
		i++) {
		struct json_object *session = field_item(sessions, i);

		if (!text_equal(field_text_or(session, "hostId", here), here) ||
			(worked && !text_equal(field_text_or(session, "outcome", ""), "succeeded")))
			continue;
		r = read_session(context, connection, field_text_or(session, "session", ""), ret);
		ret->session = session;
	}
	return r;
}

char **last_command_word(struct last_command *command, enum command_change change)
{
	if (command->count == 0)
		return NULL;
	if (change == COMMAND_TOOL)
		return tool_word(command->words);
	for (size_t i = 0; change == COMMAND_FIRMWARE && i < command->count; i++)
		if (fnmatch("*.ipsw", command->words[i], FNM_CASEFOLD) == 0)
			return &command->words[i];
	return NULL;
}

/* *ret_at is the place of its word. NULL = not known. */
static const struct known_tool *tool_of(struct last_command *command, size_t *ret_at)
{
	char **word = tool_word(command->words);
	const char *slash = strrchr(*word, '/');

	*ret_at = (size_t)(word - command->words);
	return known_tool_of_program(slash ? slash + 1 : *word);
}

static bool is_erase(const struct known_tool *tool, const char *word)
{
	for (size_t i = 0; i < TOOL_ERASE_MAX && tool->erase[i]; i++)
		if (text_equal(word, tool->erase[i]))
			return true;
	return false;
}

static bool remove_erase(struct last_command *command)
{
	size_t at;
	const struct known_tool *tool = tool_of(command, &at);

	for (size_t i = at + 1; tool && i < command->count; i++) {
		if (!is_erase(tool, command->words[i]))
			continue;
		memmove(command->words + i, command->words + i + 1,
			(command->count - i) * sizeof(command->words[0]));
		command->count--;
		return true;
	}
	return false;
}

static bool add_debug(struct last_command *command)
{
	size_t at;
	const struct known_tool *tool = tool_of(command, &at);

	if (!tool || !tool->debug || command->count == COMMAND_WORDS_MAX)
		return false;
	for (size_t i = at + 1; i < command->count; i++)
		if (text_equal(command->words[i], tool->debug))
			return true;
	at++;
	memmove(command->words + at + 1, command->words + at,
		(command->count + 1 - at) * sizeof(command->words[0]));
	command->words[at] = (char *)(uintptr_t)tool->debug;
	command->count++;
	return true;
}

bool last_command_change(struct last_command *command, enum command_change change)
{
	if (command->count == 0)
		return false;
	if (change == COMMAND_UPDATE)
		return remove_erase(command);
	return change != COMMAND_DEBUG || add_debug(command);
}
