/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/toollog.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/matcher.h"
#include "common/logs/toollog_private.h"
#include "common/model/attempt.h"
#include "common/model/operation.h"

#define BASE64_LEAST 40	   /* letters of a line; fewer may be a word */
#define CONSOLE_COLUMNS 80 /* where Windows wraps lines */

/* Fewer lines in a later form are accidents. */
#define LATER_LEAST 5
#define LATER_PERCENT_OF_FORMED 25
#define LATER_PERCENT_OF_ALL 10

/* In order of precedence: the phone's own lines are the most reliable. */
static const struct toollog_family *const families[] = {
	&toollog_device,
	&toollog_futurerestore,
	&toollog_pymobiledevice3,
	&toollog_apple,
	&toollog_3utools,
	&toollog_go_ios,
	&toollog_usbmuxd,
	&toollog_idevicerestore,
	&toollog_pymobiledevice3_names,
};

/* The rule with that number and its family. */
static const struct toollog_rule *find_rule(size_t number, const struct toollog_family **ret_family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		*ret_family = families[i];
		if (number < families[i]->count)
			return &families[i]->rules[number];
		number -= families[i]->count;
	}
	return NULL;
}

static size_t rule_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		count += families[i]->count;
	return count;
}

const char *toollog_text(size_t number)
{
	size_t count, rules = rule_count();
	const struct toollog_family *family;
	const struct log_pattern *signs = log_pattern_all(&count);

	if (number < rules)
		return find_rule(number, &family)->text;
	return number - rules < count ? signs[number - rules].text : NULL;
}

/* The texts of all rules and signs: the same for every log, and large. */
static const struct matcher *known_texts(void)
{
	static struct matcher matcher;

	if (matcher.count == 0)
		matcher_build(&matcher, toollog_text);
	return &matcher;
}

struct toollog *toollog_new(event_sink *sink, void *user)
{
	struct toollog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->sink = sink;
	log->user = user;
	log->permille = -1;
	log->log_event = (struct event){.kind = EVENT_LOG, .source = SOURCE_TOOL};
	return log;
}

struct toollog *toollog_free(struct toollog *log)
{
	free(log);
	return NULL;
}

void toollog_expect_tool(struct toollog *log)
{
	log->expected = true;
}

void toollog_set_clock(struct toollog *log, enum toollog_clock clock)
{
	log->follow_clock = clock == TOOLLOG_OWN;
}

struct toollog_stats toollog_stats(const struct toollog *log)
{
	return log->stats;
}

struct toollog_time toollog_first_time(const struct toollog *log)
{
	return log->first_time;
}

/* A message begins after the line's prefix, or where an error follows other text directly; not
 * inside a call in program source, which people paste too. */
static bool is_beginning(const struct toollog *log, const char *at)
{
	static const char glue[] = "ERROR: ", call[] = "(\"";
	size_t before = (size_t)(at - log->line);

	if (at == log->message)
		return true;
	if (before < strlen(glue) || memcmp(at - strlen(glue), glue, strlen(glue)) != 0)
		return false;
	at -= strlen(glue);
	return before < strlen(glue) + strlen(call) ||
	       memcmp(at - strlen(call), call, strlen(call)) != 0;
}

static void note_text(void *user, size_t text, size_t at)
{
	struct toollog *log = user;
	const struct toollog_family *family;
	const struct toollog_rule *rule = find_rule(text, &family);
	size_t count;

	if (!rule) {
		log_pattern_note(&log_pattern_all(&count)[text - rule_count()], &log->tool_sign,
			&log->phone_sign);
		return;
	}
	if (text >= log->rule || (rule->where == RULE_BEGINS && !is_beginning(log, log->line + at)))
		return;
	log->rule = text;
	log->rest = log->line + at + strlen(rule->text);
}

/* The rule and the signs of a line. */
static void find_texts(struct toollog *log, const char *line, size_t length)
{
	log->line = line;
	log->rule = TOOLLOG_NONE;
	log->tool_sign = log->phone_sign = NULL;
	log->sign_of_error = false;
	matcher_run(known_texts(), line, length, note_text, log);
}

static void emit_sign(struct toollog *log, const struct log_pattern *sign, size_t length)
{
	struct event event = toollog_event(log, EVENT_SIGN);
	/* The errors of any program may look so: alone they make no log one of a restore. */
	bool means = log->meant_something || !log->sign_of_error || log->stats.understood > 0;

	log->meant_something = means;
	if (sign->noise)
		return;
	text_copy(event.name, sizeof(event.name), sign->id);
	event.flag = sign->link_lost;
	event.text = log->line;
	event.text_length = length;
	toollog_emit(log, &event);
	log->meant_something = means;
}

static void emit_device_log(struct toollog *log, size_t length)
{
	struct event event = toollog_event(log, EVENT_DEVICE_LOG);

	event.text = log->line;
	event.text_length = length;
	toollog_emit(log, &event);
}

/* Whether the phone wrote a line without a rule: it begins like the phone's lines, or follows one
 * and has no severity, which the tools print before their errors. */
static bool is_phone_line(const struct toollog *log)
{
	bool of_tool = strstr(log->line, "ERROR: ") || strstr(log->line, "<Error>");

	return log->of_phone || ((log->in_device_log || log->phone_speaks) && !of_tool);
}

/* Reads a complete line: its meaning in any tool's log, then its signs. */
static void read_line(struct toollog *log, const char *line, size_t length)
{
	const struct toollog_family *family = NULL;
	const struct toollog_rule *rule = NULL;
	const struct log_pattern *sign;

	log->opens_device_log = false;
	find_texts(log, line, length);
	if (log->rule != TOOLLOG_NONE)
		rule = find_rule(log->rule, &family);
	if (rule && !family->of_phone) {
		rule->read(log, log->rest, rule->value);
		rule = log->meant_something ? rule : NULL;
	}
	if (rule && !family->of_phone) {
		log->in_device_log = log->phone_speaks = log->opens_device_log;
		log->phone_step = 0;
	} else if (!rule && toollog_read_free(log, log->message)) {
		log->in_device_log = log->phone_speaks = false;
	} else {
		if (log->in_device_log)
			emit_device_log(log, length);
		if (rule)
			rule->read(log, log->rest, rule->value);
		log->phone_speaks = rule || is_phone_line(log);
	}
	if (log->phone_speaks)
		toollog_read_phone_failure(log, line);
	else
		toollog_read_complaint(log, line);
	sign = log->phone_speaks ? log->phone_sign : log->tool_sign;
	if (sign)
		emit_sign(log, sign, length);
}

static void read_wrapped(struct toollog *log)
{
	const char *message = log->message;

	if (log->wrapped_length == 0)
		return;
	log->message = toollog_message(log, log->wrapped);
	read_line(log, log->wrapped, log->wrapped_length);
	log->wrapped_length = 0;
	log->message = message;
}

/* Whether a console may have cut the line at its edge: a long line of the phone about a failure,
 * which would end with a bracket. */
static bool is_wrapped(const char *line, size_t length)
{
	return length == CONSOLE_COLUMNS && line[length - 1] != ')' &&
	       (strstr(line, "CHECKPOINT FAILURE:") || strstr(line, "CHECKPOINT IMMED_RETRY:"));
}

/* Joins a line that a console has cut with the next one. Returns true if the line waits for it. */
static bool take_wrapped(struct toollog *log, const char *line, size_t length)
{
	bool begins = log->message != line || *line == '[';

	if (log->wrapped_length == 0 && !is_wrapped(line, length))
		return false;
	if (log->wrapped_length > 0 && begins) {
		read_wrapped(log);
		return take_wrapped(log, line, length);
	}
	memcpy(log->wrapped + log->wrapped_length, line, length + 1);
	log->wrapped_length += length;
	if (length != CONSOLE_COLUMNS || log->wrapped_length >= TOOLLOG_WRAPPED_MAX)
		read_wrapped(log);
	return true;
}

/* If a log was truncated, the number at its end may be too, and a partial number is a different
 * number. */
static size_t drop_number(char *line, size_t length)
{
	size_t begin = length;

	while (begin > 0 && isxdigit((unsigned char)line[begin - 1]))
		begin--;
	if (line[begin + strcspn(line + begin, "0123456789")])
		length = begin;
	line[length] = '\0';
	return length;
}

static void note_form(struct toollog *log, const char *line)
{
	if (log->later_form && log->stats.later++ == 0)
		text_copy(log->later_line, sizeof(log->later_line), line);
	log->prefixed += log->has_prefix && !log->of_phone && !log->later_form;
}

/* A later release of the tool: a line of one was recognised, and a good part of its lines with a
 * time or a level, and of all lines, begin in a form that is not known. */
static void tell_later_form(struct toollog *log)
{
	uint64_t later = log->stats.later, formed = later + log->prefixed;
	struct event event = toollog_event(log, EVENT_SIGN);
	char text[256];

	if ((!log->expected && log->stats.understood == 0) || later < LATER_LEAST ||
		later * 100 < formed * LATER_PERCENT_OF_FORMED ||
		later * 100 < log->stats.lines * LATER_PERCENT_OF_ALL)
		return;
	text_copy(event.name, sizeof(event.name), SIGN_LATER_LOG);
	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " lines, such as: %s", later,
		log->stats.lines, log->later_line);
	event_set_text(&event, text);
	toollog_emit(log, &event);
}

static void send_line(struct toollog *log, const char *line, size_t length)
{
	log->stats.lines++;
	log->log_event.at = log->at;
	log->log_event.text = line;
	log->log_event.text_length = length;
	log->sink(log->user, &log->log_event);
}

/* Reads a text that is a line, or stands between progress bars. */
static void take_text(struct toollog *log, char *line, size_t length)
{
	if (length == 0)
		return;
	log->meant_something = false;
	log->message = toollog_message(log, line);
	note_form(log, line);
	send_line(log, line, length);
	if (memchr(line, '&', length)) {
		toollog_unescape(line);
		length = strlen(line);
		log->message = toollog_message(log, line);
	}
	if (log->ends_early)
		length = drop_number(line, length);
	if (!take_wrapped(log, line, length))
		read_line(log, line, length);
	log->stats.understood += log->meant_something;
}

/* A bar may be of an operation that its tool does not name otherwise. */
static void take_bar(struct toollog *log, const struct toollog_bar *bar)
{
	uint32_t operation = operation_by_name(bar->label);

	if (operation && operation != log->operation)
		toollog_emit_tool_operation(log, operation, operation_by_number(operation)->name);
	toollog_emit_permille(log, bar->permille);
}

/* Whether a line that begins with "<" says nothing: a tag around values, or the name of one that no
 * rule and no sign knows. */
static bool is_plain_tag(struct toollog *log, const char *line)
{
	/* Without their first character, which all have. */
	static const char *const tags[] = {
		"data>", "/data>", "dict>", "/dict>", "array>", "/array>", "true/>", "false/>"};

	if (text_starts_with(line + 1, "key>")) {
		find_texts(log, line, strlen(line));
		return log->rule == TOOLLOG_NONE && !log->tool_sign && !log->phone_sign;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (text_equal(line + 1, tags[i]))
			return true;
	return false;
}

/* Whether the line is one of a dump that says nothing: letters in base64, or a tag. Nine tenths of
 * a log with -d are such lines. */
static bool is_of_dump(struct toollog *log, const char *line, size_t length)
{
	size_t indent = 0;

	while (line[indent] == ' ')
		indent++;
	if (line[indent] == '<')
		return is_plain_tag(log, line + indent);
	return length - indent >= BASE64_LEAST && toollog_is_base64(line + indent, length - indent);
}

/* Whether a line that says nothing changes nothing. */
static bool is_quiet(const struct toollog *log)
{
	return !log->in_device_log && !log->phone_speaks && !log->in_traceback &&
	       !log->lines_after_error && log->plist_key == PLIST_NONE &&
	       log->wrapped_length == 0 && !log->ends_early;
}

static void take_line(struct toollog *log, const char *bytes, size_t length)
{
	char clean[EVENT_TEXT_MAX + 1];
	char *line = clean;
	struct toollog_bar bar;

	log->stats.cut += log->cut || length > EVENT_TEXT_MAX;
	log->cut = false;
	toollog_set_time(log);
	length = toollog_clean(bytes, length, clean);
	if (is_quiet(log) && is_of_dump(log, line, length)) {
		send_line(log, line, length);
		return;
	}
	while (toollog_find_bar(line, length, &bar)) {
		size_t before = (size_t)(bar.begin - line), used = (size_t)(bar.end - line);

		line[before] = '\0';
		take_text(log, line, before);
		take_bar(log, &bar);
		line += used;
		length -= used;
	}
	take_text(log, line, length);
}

static void keep_piece(struct toollog *log, const char *bytes, size_t length)
{
	size_t room = sizeof(log->piece) - log->length;

	if (length > room) {
		length = room;
		log->cut = true;
	}
	memcpy(log->piece + log->length, bytes, length);
	log->length += length;
}

static void end_line(struct toollog *log)
{
	if (log->length > 0)
		take_line(log, log->piece, log->length);
	log->length = 0;
	log->cut = false;
}

void toollog_feed(struct toollog *log, struct stamp at, const char *bytes, size_t length)
{
	const char *end = bytes + length;
	/* The next one: most logs have none, so a piece is searched for it only once. */
	const char *bar = memchr(bytes, '\r', length);

	log->arrival = at;
	while (bytes < end) {
		const char *stop = bar ? bar : end;
		const char *newline = memchr(bytes, '\n', (size_t)(stop - bytes));
		size_t size;

		stop = newline ? newline : stop;
		size = (size_t)(stop - bytes);
		if (stop == end || log->length > 0)
			keep_piece(log, bytes, size);
		else if (size > 0)
			take_line(log, bytes, size);
		if (stop < end && log->length > 0)
			end_line(log);
		bytes = stop < end ? stop + 1 : end;
		if (bar == stop)
			bar = memchr(bytes, '\r', (size_t)(end - bytes));
	}
}

void toollog_finish(struct toollog *log, struct stamp at)
{
	log->arrival = at;
	log->ends_early = true;
	end_line(log);
	read_wrapped(log);
	tell_later_form(log);
}
