/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/run.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"

#define EXIT_STATUS_MAX 255
#define SIGNAL_MAX 64

/* A word of a command line, quoted where the shell would need that. Returns the bytes that it
 * takes, and writes them where `out` is not NULL. */
static size_t quote_word(const char *word, char *out)
{
	bool plain = word[0] && !word[strcspn(word, " \t\n\"'\\$`*?[]<>|&;(){}#~!")];
	size_t length = 0;

#define PUT(c)                                                                                     \
	do {                                                                                       \
		if (out)                                                                           \
			out[length] = (c);                                                         \
		length++;                                                                          \
	} while (0)
	if (!plain)
		PUT('\'');
	for (; *word; word++) {
		if (*word == '\'') {
			PUT('\'');
			PUT('\\');
			PUT('\'');
		}
		PUT(*word);
	}
	if (!plain)
		PUT('\'');
#undef PUT
	return length;
}

/* The tool and its arguments as one line for people. NULL when memory is out. */
static char *command_line_new(const char *tool, struct json_object *arguments)
{
	size_t count = json_object_array_length(arguments);
	size_t length = quote_word(tool, NULL) + 1;
	char *line, *end;

	for (size_t i = 0; i < count; i++)
		length += 1 + quote_word(json_item_text(arguments, i), NULL);
	line = malloc(length);
	if (!line)
		return NULL;
	end = line + quote_word(tool, line);
	for (size_t i = 0; i < count; i++) {
		*end++ = ' ';
		end += quote_word(json_item_text(arguments, i), end);
	}
	*end = '\0';
	return line;
}

/* Who the phone is, as far as the caller knows. */
static int read_phone(struct request *request, struct api_run *run, char udid[static UDID_SIZE])
{
	const char *ecid = request_text(request, "ecid");
	const char *given_udid = request_text(request, "udid");

	run->port = request_text(request, "port");
	if (run->port && strlen(run->port) >= PORT_SIZE)
		return request_bad(request, "port");
	if (ecid && ecid_parse(ecid, &run->ecid) < 0)
		return request_bad(request, "ecid");
	if (given_udid && udid_normalize(given_udid, udid) < 0)
		return request_bad(request, "udid");
	run->udid = given_udid ? udid : NULL;
	return 0;
}

int run_begin(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	struct api_run run = {.conditions = conditions};
	CLEANUP(freep) char *line = NULL;
	struct json_object *arguments = NULL;
	char udid[UDID_SIZE], id[UUID_TEXT_SIZE];
	struct uuid session;
	int r;

	run.tool = request_text(request, "tool");
	run.tool_version = request_text(request, "toolVersion");
	run.ticket = request_text(request, "ticket");
	r = run.tool[0] ? read_phone(request, &run, udid) : request_bad(request, "tool");
	if (r >= 0)
		r = request_conditions(request, conditions, &run.condition_count);
	if (r < 0)
		return r;
	json_get_array(request->parameters, "arguments", &arguments);
	run.command_line = line = command_line_new(run.tool, arguments);
	if (!line)
		return -ENOMEM;
	r = backend->begin_run(backend->user, &run, &session);
	if (r < 0)
		return r;
	uuid_format(&session, id);
	json_put_text(&request->builder, request->answer, "session", id);
	return 0;
}

/* Puts a session into an answer. */
struct put_session {
	struct request *request;
	const char *key;
};

static bool put_session(void *context, const struct session_record *session)
{
	struct put_session *put = context;
	struct json_builder *builder = &put->request->builder;

	json_put(builder, put->request->answer, put->key, session_to_json(builder, session));
	return false;
}

int run_append_log(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct put_session put = {request, "progress"};
	const char *text = NULL;
	uint64_t received;
	int64_t offset = 0;
	size_t length = 0;
	struct uuid session;
	int r;

	json_get_bytes(request->parameters, "text", &text, &length);
	request_number(request, "offset", &offset);
	if ((uint64_t)offset > INT64_MAX - length)
		return request_bad(request, "offset");
	r = request_session(request, &session);
	if (r >= 0)
		r = backend->append_log(
			backend->user, &session, (uint64_t)offset, text, length, &received);
	if (r < 0)
		return r;
	json_put_number(&request->builder, request->answer, "offset", (int64_t)received);
	return backend->session(backend->user, &session, put_session, &put);
}

int run_end(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct put_session put = {request, "result"};
	int64_t status = 0, number = 0;
	bool exited = request_number(request, "exitStatus", &status);
	bool killed = request_number(request, "signal", &number);
	struct uuid session;
	int r;

	if (exited == killed || status > EXIT_STATUS_MAX)
		return request_bad(request, "exitStatus");
	if (killed && (number == 0 || number > SIGNAL_MAX))
		return request_bad(request, "signal");
	r = request_session(request, &session);
	if (r >= 0)
		r = backend->end_run(backend->user, &session, killed ? -number : status);
	if (r < 0)
		return r;
	return backend->session(backend->user, &session, put_session, &put);
}
