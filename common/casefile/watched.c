/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/casefile/private.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/logs/link_log.h"
#include "common/model/session.h"
#include "common/logs/toollog.h"

#define HOURS_MAX 48 /* later events are moved to this time: no restore takes so long */

static struct stamp time_of(const json *object)
{
	const double last = HOURS_MAX * 3600.0;
	struct stamp at = {.monotonic_us = CASEFILE_EPOCH_US};
	json *value;
	double seconds = 0;

	if (json_object_object_get_ex(object, "t", &value))
		seconds = json_object_get_double(value);
	if (seconds > last)
		seconds = last;
	if (seconds > 0)
		at.monotonic_us += (uint64_t)(seconds * (double)USEC_PER_SEC);
	return at;
}

/* A session, and the receiver of its events. */
struct watched {
	struct session session;
	session_recorder *record;
	void *user;
	const char *why; /* it failed */
};

static void feed(struct watched *watched, const struct event *event)
{
	session_feed(&watched->session, event, watched->record, watched->user);
}

static void feed_link_event(struct watched *watched, const json *object)
{
	struct event event = {.source = SOURCE_USB, .at = time_of(object)};
	char word[NAME_SIZE];

	event.kind =
		text_equal(take_word(object, "event", word), "add") ? EVENT_ATTACH : EVENT_DETACH;
	event.mode = session_resolve_mode(&watched->session,
		device_mode_from_name(take_word(object, "mode", word)), event.at);
	text_copy(event.port, sizeof(event.port), watched->session.attempt.port);
	feed(watched, &event);
}

static void feed_kernel_line(struct watched *watched, const json *object)
{
	struct event event = {.source = SOURCE_KERNEL, .at = time_of(object)};
	struct link_finding finding;
	char line[1024] = "";

	take_text(object, "line", line, sizeof(line));
	if (!link_pattern_read(LINK_KERNEL, line, &finding))
		return;
	event.kind = finding.sign->kind;
	event.code = finding.code;
	text_copy(event.name, sizeof(event.name), finding.sign->id);
	event_set_text(&event, line);
	feed(watched, &event);
}

/* Merges the two lists; each is sorted by time. */
static void feed_link(struct watched *watched, const json *attempt)
{
	json *usb = member(attempt, "usb", json_type_array);
	json *kernel = member(attempt, "kernel", json_type_array);
	size_t usb_count = usb ? json_object_array_length(usb) : 0;
	size_t kernel_count = kernel ? json_object_array_length(kernel) : 0;
	size_t i = 0, j = 0;

	while (i < usb_count || j < kernel_count) {
		json *link = i < usb_count ? json_object_array_get_idx(usb, i) : NULL;
		json *line = j < kernel_count ? json_object_array_get_idx(kernel, j) : NULL;

		if (j == kernel_count || (i < usb_count && time_of(link).monotonic_us <=
								   time_of(line).monotonic_us)) {
			feed_link_event(watched, link);
			i++;
		} else {
			feed_kernel_line(watched, line);
			j++;
		}
	}
}

static void take_log_event(void *user, const struct event *event)
{
	feed(user, event);
}

static void feed_line(struct toollog *log, const json *line)
{
	const struct stamp at = {.monotonic_us = CASEFILE_EPOCH_US};

	if (!json_object_is_type(line, json_type_string))
		return;
	toollog_feed(log, at, json_object_get_string((json *)line),
		(size_t)json_object_get_string_len((json *)line));
	toollog_feed(log, at, "\n", 1);
}

/* Feeds the log before the link events: few logs have times, and the session machine needs the
 * stage to interpret a mode change. */
static void feed_log(struct watched *watched, const json *attempt)
{
	CLEANUP(toollog_freep) struct toollog *tool_log = toollog_new(take_log_event, watched);
	json *log = member(attempt, "log", json_type_object);
	json *lines = log ? member(log, "lines", json_type_array) : NULL;
	json *operation = member(attempt, "operation", json_type_string);

	if (!tool_log)
		return;
	if (operation)
		feed_line(tool_log, operation);
	for (size_t i = 0; lines && i < json_object_array_length(lines); i++)
		feed_line(tool_log, json_object_array_get_idx(lines, i));
	toollog_finish(tool_log, (struct stamp){.monotonic_us = CASEFILE_EPOCH_US});
}

/* Reads "Updating baseband (19)", or just a name. */
static void feed_operation(struct watched *watched, const json *attempt)
{
	struct event event = {.kind = EVENT_OPERATION, .source = SOURCE_PERSON};
	char text[NAME_SIZE] = "";
	unsigned number;
	char *open;

	take_text(attempt, "operation", text, sizeof(text));
	open = strrchr(text, '(');
	if (!open || sscanf(open, "(%9u)", &number) != 1)
		return;
	while (open > text && open[-1] == ' ')
		open--;
	*open = '\0';
	event.number = number;
	text_copy(event.name, sizeof(event.name), text);
	feed(watched, &event);
}

static uint64_t keep_nothing(void *user, const struct event *event)
{
	return 0;
}

/* The case file says that it failed, not with which exit status: that stays unknown, and its tool
 * may have reported nothing. */
static uint64_t record_judgement(void *user, const struct event *event)
{
	struct watched *watched = user;
	struct event end = *event;

	if (event->kind == EVENT_TOOL_END)
		return 0;
	if (event->kind == EVENT_SESSION_END && event->number == OUTCOME_FAILED)
		event_set_text(&end, watched->why);
	return watched->record(watched->user, &end);
}

/* What the log and the link show of the failure, if anything. */
static const char *why_failed(const struct session *session, struct stamp at)
{
	struct session copy = *session;
	struct event effects[SESSION_EFFECTS_MAX];
	size_t count = session_finish(&copy, at, effects);

	return count && effects[count - 1].number == OUTCOME_FAILED
		       ? effects[count - 1].text
		       : "the case file says that it failed";
}

static void feed_failure(struct watched *watched)
{
	struct attempt *attempt = &watched->session.attempt;
	struct event end = {.kind = EVENT_TOOL_END, .source = SOURCE_PERSON, .code = 1};
	bool known = attempt->exit_known;
	int64_t status = attempt->exit_status;

	end.at.monotonic_us = CASEFILE_EPOCH_US + (uint64_t)HOURS_MAX * 3600 * USEC_PER_SEC;
	attempt->touched = true; /* what has failed had begun */
	watched->why = why_failed(&watched->session, end.at);
	session_feed(&watched->session, &end, record_judgement, watched);
	attempt->exit_known = known;
	attempt->exit_status = status;
}

void watched_fold(struct attempt *attempt, const struct json_object *object,
	session_recorder *record, void *user)
{
	struct watched watched = {.record = record ? record : keep_nothing, .user = user};
	struct session *session = &watched.session;
	char word[NAME_SIZE];
	enum restore_stage stage;

	session_init(session, true);
	session->attempt = *attempt;
	feed_operation(&watched, object);
	feed_log(&watched, object);
	stage = restore_stage_from_name(take_word(object, "stage", word));
	if (stage > session->attempt.stage)
		session->attempt.stage = stage;
	feed_link(&watched, object);
	if (text_equal(take_word(object, "outcome", word), "failed"))
		feed_failure(&watched);
	*attempt = session->attempt;
}
