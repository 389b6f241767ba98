/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/triage/toollog.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/triage/toollog_private.h"

#define BAR_LINE_MAX 80 /* bytes; the tools' bars are 58 */

struct toollog *toollog_new(event_sink *sink, void *user)
{
	struct toollog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->sink = sink;
	log->user = user;
	log->permille = -1;
	return log;
}

struct toollog *toollog_free(struct toollog *log)
{
	free(log);
	return NULL;
}

struct toollog_stats toollog_stats(const struct toollog *log)
{
	return log->stats;
}

struct event toollog_event(const struct toollog *log, enum event_kind kind)
{
	return (struct event){.at = log->at, .kind = kind, .source = SOURCE_TOOL};
}

void toollog_emit(struct toollog *log, const struct event *event)
{
	log->meant_something = true;
	log->sink(log->user, event);
}

static void emit_progress(struct toollog *log, double percent)
{
	struct event event = toollog_event(log, EVENT_PROGRESS);
	int32_t permille = (int32_t)(percent * 10 + 0.5);

	if (permille == log->permille || permille < 0 || permille > 1000)
		return;
	log->permille = permille;
	event.permille = permille;
	toollog_emit(log, &event);
}

/* The length of a progress bar at the start of the line, as in "[===   ]  25.0%"; 0 where there is
 * none. */
static size_t bar_length(const char *line, double *ret_percent)
{
	const char *end = line;
	double percent;
	int used = 0;

	if (*end++ != '[')
		return 0;
	end += strspn(end, "=");
	end += strspn(end, " ");
	if (*end++ != ']' || end - line > BAR_LINE_MAX)
		return 0;
	if (sscanf(end, "%7lf%%%n", &percent, &used) != 1 || used == 0)
		return 0;
	*ret_percent = percent;
	return (size_t)(end - line) + (size_t)used;
}

/* A time at the start of a line ("10:15:00.123", or with a colon after it), as tools from June 2025
 * on and their wrappers write it. */
static size_t clock_length(const char *line)
{
	static const char shape[] = "dd:dd:dd.ddd";
	size_t i = 0;

	for (; shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)line[i]) : line[i] != shape[i])
			return 0;
	if (line[i] == ':')
		i++;
	return line[i] == ' ' ? i : 0;
}

/* The label of a level, right-aligned to nine characters: "  <Error>", "<Verbose>". */
static size_t level_length(const char *line)
{
	static const char *const levels[] = {
		"<Error>", "<Warning>", "<Notice>", "<Info>", "<Verbose>", "<Debug>"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (text_starts_with(line, levels[i]))
			return strlen(levels[i]);
	return 0;
}

/* Drops what stands before the message: time, level, and the severity that older tools write. */
const char *toollog_message(const char *line)
{
	static const char *const severities[] = {
		"ERROR: ", "WARNING: ", "NOTE: ", "DEBUG: ", "INFO: "};
	size_t time = clock_length(line);

	if (time > 0) {
		line += time;
		line += strspn(line, " ");
		line += level_length(line);
		line += strspn(line, " ");
	}
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++)
		if (text_starts_with(line, severities[i]))
			return line + strlen(severities[i]);
	return line;
}

static void take_signs(struct toollog *log, const char *line, size_t length)
{
	const struct sign *sign = sign_find(line, length);
	struct event event = toollog_event(log, EVENT_SIGN);

	if (!sign)
		return;
	log->meant_something = true;
	if (sign->noise)
		return;
	text_copy(event.name, sizeof(event.name), sign->id);
	event.text = line;
	event.text_length = length;
	toollog_emit(log, &event);
}

static void take_line(struct toollog *log)
{
	char clean[EVENT_TEXT_MAX + 1];
	struct event event = toollog_event(log, EVENT_LOG);
	const char *line = clean;
	double percent;
	size_t bar;

	event.text_length = text_clean(log->line, log->length, clean, sizeof(clean));
	/* Bars have no line of their own: errors are glued to them, and a dozen of them together.
	 */
	while ((bar = bar_length(line, &percent)) > 0) {
		emit_progress(log, percent);
		line += bar;
		line += strspn(line, " ");
	}
	if (line != clean && !*line)
		return;
	event.text = line;
	event.text_length = strlen(line);
	log->stats.lines++;
	log->stats.cut += log->cut;
	log->sink(log->user, &event);
	log->meant_something = false;
	if (!toollog_read_device(log, line))
		toollog_read_idevicerestore(log, toollog_message(line));
	take_signs(log, line, event.text_length);
	log->stats.understood += log->meant_something;
}

static void end_line(struct toollog *log)
{
	if (log->length > 0)
		take_line(log);
	log->length = 0;
	log->cut = false;
}

void toollog_feed(struct toollog *log, struct stamp at, const char *bytes, size_t length)
{
	log->at = at;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r')
			end_line(log);
		else if (log->length < sizeof(log->line))
			log->line[log->length++] = bytes[i];
		else
			log->cut = true;
	}
}

void toollog_finish(struct toollog *log, struct stamp at)
{
	log->at = at;
	end_line(log);
}
