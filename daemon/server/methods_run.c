/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/methods.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"

#define EXIT_STATUS_MAX 255
#define SIGNAL_MAX 64

/* Joins words as a shell reads them, behind `line`. Returns the end. */
static char *put_words(char *end, struct json_object *words)
{
	for (size_t i = 0; i < json_count(words); i++) {
		end += text_shell_word(json_item_text(words, i), end);
		*end++ = ' ';
	}
	return end;
}

static size_t words_length(struct json_object *words)
{
	size_t length = 0;

	for (size_t i = 0; i < json_count(words); i++)
		length += text_shell_word(json_item_text(words, i), NULL) + 1;
	return length;
}

/* The command line for people: `program`, or without one the tool, and the arguments. NULL when out
 * of memory. */
static char *command_line_new(
	const char *tool, struct json_object *program, struct json_object *arguments)
{
	size_t length = words_length(program) + words_length(arguments);
	char *line = malloc(length + text_shell_word(tool, NULL) + 2), *end = line;

	if (!line)
		return NULL;
	if (json_count(program) > 0) {
		end = put_words(end, program);
	} else {
		end += text_shell_word(tool, end);
		*end++ = ' ';
	}
	end = put_words(end, arguments);
	end[-1] = '\0';
	return line;
}

/* Reads the phone's identifiers, if the caller sent any. */
static int read_phone(struct call *call, struct recorder_run *run, char udid[static UDID_SIZE])
{
	const char *ecid = call_text(call, "ecid");
	const char *given_udid = call_text(call, "udid");

	run->port = call_text(call, "port");
	if (run->port && strlen(run->port) >= PORT_SIZE)
		return call_bad(call, "port");
	if (ecid && ecid_parse(ecid, &run->ecid) < 0)
		return call_bad(call, "ecid");
	if (given_udid && udid_normalize(given_udid, udid) < 0)
		return call_bad(call, "udid");
	run->udid = given_udid ? udid : NULL;
	return API_OK;
}

/* A path that cleaning would change would be that of another file. */
static bool is_clean_path(const char *path)
{
	char clean[TOOL_LOG_SIZE];

	text_clean(path, strlen(path), clean, sizeof(clean));
	return path[0] == '/' && text_equal(path, clean);
}

static uint32_t owner_of(const struct request *request)
{
	return peer_access(request->peer) & ACCESS_ADMIN ? RECORDER_ADMINISTRATOR
							 : peer_user(request->peer) + 1;
}

/* The API error for an outcome of the recorder. */
static int run_error(int outcome)
{
	static const enum api_error errors[] = {
		[RUN_TOO_MANY] = API_TOO_MANY_SESSIONS,
		[RUN_UNKNOWN] = API_NO_SUCH_SESSION,
		[RUN_ENDED] = API_SESSION_ENDED,
		[RUN_FOREIGN] = API_NOT_ALLOWED,
	};

	return outcome <= 0 ? outcome : (int)errors[outcome];
}

int methods_begin_run(struct request *request)
{
	struct call *call = &request->call;
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	struct recorder_run run = {.conditions = conditions};
	CLEANUP(freep) char *line = NULL;
	struct json_object *arguments = NULL, *program = NULL;
	char udid[UDID_SIZE], id[UUID_TEXT_SIZE];
	struct uuid session;
	int r;

	run.owner = owner_of(request);
	run.tool = call_text(call, "tool");
	run.tool_version = call_text(call, "toolVersion");
	run.ticket = call_text(call, "ticket");
	run.log = call_text(call, "log");
	run.user = peer_user(request->peer);
	r = run.tool[0] ? read_phone(call, &run, udid) : call_bad(call, "tool");
	if (r == API_OK && run.log && !is_clean_path(run.log))
		return call_bad(call, "log");
	if (r == API_OK)
		r = methods_conditions(call, conditions, &run.condition_count);
	if (r != API_OK)
		return r;
	json_get_array(call->parameters, "arguments", &arguments);
	json_get_array(call->parameters, "program", &program);
	run.command_line = line = command_line_new(run.tool, program, arguments);
	if (!line)
		return -ENOMEM;
	r = recorder_begin_run(request->api->parts.recorder, clock_now(), &run, &session);
	call->number = run.owner ? RECORDER_RUNS_PER_USER_MAX : RECORDER_RUNS_MAX;
	if (r != RUN_OK)
		return run_error(r);
	uuid_format(&session, id);
	json_put_text(&call->builder, call->answer, "session", id);
	return API_OK;
}

int methods_append_log(struct request *request)
{
	struct call *call = &request->call;
	const char *text = NULL;
	uint64_t received;
	int64_t offset = 0;
	size_t length = 0;
	struct uuid session;
	int r = call_session(call, &session);

	json_get_bytes(call->parameters, "text", &text, &length);
	call_number(call, "offset", &offset);
	if ((uint64_t)offset > INT64_MAX - length)
		return call_bad(call, "offset");
	if (r != API_OK)
		return r;
	r = recorder_append_log(request->api->parts.recorder, clock_now(), owner_of(request),
		&session, (uint64_t)offset, text, length, &received);
	if (r != RUN_OK)
		return run_error(r);
	json_put_number(&call->builder, call->answer, "offset", (int64_t)received);
	return query_put_session(&request->api->query, call, &session, "progress");
}

int methods_end_run(struct request *request)
{
	struct call *call = &request->call;
	int64_t status = 0, number = 0;
	bool exited = call_number(call, "exitStatus", &status);
	bool killed = call_number(call, "signal", &number);
	struct uuid session;
	int r = call_session(call, &session);

	if (exited == killed || status > EXIT_STATUS_MAX)
		return call_bad(call, "exitStatus");
	if (killed && (number == 0 || number > SIGNAL_MAX))
		return call_bad(call, "signal");
	if (r != API_OK)
		return r;
	r = recorder_end_run(request->api->parts.recorder, clock_now(), owner_of(request), &session,
		killed ? -number : status);
	if (r != RUN_OK)
		return run_error(r);
	return query_put_session(&request->api->query, call, &session, "result");
}
