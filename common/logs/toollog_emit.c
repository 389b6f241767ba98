/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions for the readers of all tools. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/toollog_private.h"
#include "common/model/attempt.h"

struct event toollog_event(const struct toollog *log, enum event_kind kind)
{
	return (struct event){.at = log->at, .kind = kind, .source = SOURCE_TOOL};
}

void toollog_emit(struct toollog *log, const struct event *event)
{
	log->meant_something = true;
	if (event_shows_progress(event->kind)) {
		log->lines_after_error = 0;
		log->at_server = false;
	}
	log->sink(log->user, event);
}

void toollog_read_signing(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_WAIT);

	text_copy(event.name, sizeof(event.name), "signing");
	event.flag = state == STEP_DONE ? STEP_DONE : 0;
	toollog_emit(log, &event);
	log->at_server = state == STEP_BEGIN;
}

void toollog_emit_name(struct toollog *log, enum event_kind kind, const char *name)
{
	toollog_emit_code(log, kind, 0, name);
}

void toollog_emit_number(struct toollog *log, enum event_kind kind, uint32_t number)
{
	struct event event = toollog_event(log, kind);

	event.number = number;
	toollog_emit(log, &event);
}

void toollog_emit_code(struct toollog *log, enum event_kind kind, int64_t code, const char *name)
{
	struct event event = toollog_event(log, kind);

	event.code = code;
	text_copy(event.name, sizeof(event.name), name);
	toollog_emit(log, &event);
}

void toollog_emit_tool(struct toollog *log, const char *name, const char *version)
{
	struct event event = toollog_event(log, EVENT_TOOL_VERSION);

	log->meant_something = true;
	if (log->tool_told && !version)
		return;
	log->tool_told = true;
	text_copy(event.name, sizeof(event.name), name);
	if (version) {
		event.text = version;
		event.text_length = strcspn(version, " (");
	}
	toollog_emit(log, &event);
}

void toollog_infer_tool(struct toollog *log, const char *name)
{
	struct event event = toollog_event(log, EVENT_TOOL_VERSION);

	if (log->tool_told || log->tool_inferred)
		return;
	log->tool_inferred = true;
	event.flag = true;
	text_copy(event.name, sizeof(event.name), name);
	toollog_emit(log, &event);
}

void toollog_emit_permille(struct toollog *log, int32_t permille)
{
	struct event event = toollog_event(log, EVENT_PROGRESS);

	log->meant_something = true;
	if (permille == log->permille || permille < 0 || permille > 1000)
		return;
	log->permille = permille;
	event.permille = permille;
	toollog_emit(log, &event);
}

uint32_t toollog_adapt_operation(const struct toollog *log, uint32_t number)
{
	static const int64_t newer_protocol = 14;
	static const uint32_t last_same = 35;

	return number + (number > last_same && log->protocol && log->protocol < newer_protocol);
}

void toollog_emit_operation(struct toollog *log, uint32_t number, const char *name)
{
	struct event event = toollog_event(log, EVENT_OPERATION);

	log->permille = -1;
	log->operation = number;
	event.number = number;
	text_copy(event.name, sizeof(event.name), name);
	toollog_emit(log, &event);
}

void toollog_emit_tool_operation(struct toollog *log, uint32_t number, const char *name)
{
	log->operation_of_tool = true;
	toollog_emit_operation(log, number, name);
}

void toollog_emit_status(struct toollog *log, int64_t code, const char *name)
{
	toollog_emit_code(log, EVENT_STATUS, code, name);
	toollog_emit_number(log, EVENT_OUTCOME, code == 0 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED);
}

void toollog_read_stage(struct toollog *log, const char *rest, int stage)
{
	toollog_emit_number(log, EVENT_STAGE, (uint32_t)stage);
}

void toollog_read_outcome(struct toollog *log, const char *rest, int outcome)
{
	toollog_emit_number(log, EVENT_OUTCOME, (uint32_t)outcome);
}

const char *toollog_number(const char *text, int base, const char *ends, int64_t *ret)
{
	bool line_may_end = *ends == '$';
	const char *digits = text + (base == 10 && *text == '-');
	unsigned long long number;
	char *end;

	if (base == 16 ? !isxdigit((unsigned char)*digits) : !isdigit((unsigned char)*digits))
		return NULL;
	errno = 0;
	number = strtoull(text, &end, base);
	if (errno || (*end ? !strchr(ends + line_may_end, *end) : !line_may_end))
		return NULL;
	*ret = (int64_t)number;
	return end;
}

void toollog_read_code(struct toollog *log, const char *rest, int value)
{
	static const char *const domains[] = {"itunes", "tool-exit"};
	int64_t code;

	if (toollog_number(rest + strspn(rest, " "), 10, "$ ,.;)", &code))
		toollog_emit_code(log, EVENT_REPORTED_ERROR, code, domains[value]);
}

/* The mode names of all tools: those of libirecovery and usbmuxd, and of Apple's library. */
enum device_mode toollog_mode(const char *word)
{
	static const struct {
		const char *word;
		enum device_mode mode;
	} words[] = {
		{"Normal", MODE_NORMAL},
		{"BootedOS", MODE_NORMAL},
		{"Recovery", MODE_RECOVERY},
		{"DFU", MODE_DFU},
		{"WTF", MODE_WTF},
		{"KIS", MODE_DFU},
		{"PortDFU", MODE_PORT_DFU},
		{"Restore", MODE_RESTORE},
		{"RestoreOS", MODE_RESTORE},
		{"Muxed", MODE_NORMAL_OR_RESTORE},
	};
	size_t length = strcspn(word, " ']<>(),.-");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == length &&
			strncasecmp(words[i].word, word, length) == 0)
			return words[i].mode;
	return MODE_UNKNOWN;
}
