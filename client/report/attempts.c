/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attempts in the annex: a table that compares them with their conditions, then the course of
 * each. */
#include "client/report/pages.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/report/words.h"
#include "common/base/text.h"

#define CELL_SIZE 768
#define COURSES_MAX 30 /* attempts with a drawn course; the newest */
#define LINES_FIRST 15 /* of a course that is too long to list completely */
#define LINES_LAST 45

static PRINTF_LIKE(2, 3) void add(char cell[CELL_SIZE], const char *format, ...)
{
	size_t length = strlen(cell);
	va_list args;

	va_start(args, format);
	vsnprintf(cell + length, CELL_SIZE - length, format, args);
	va_end(args);
}

/* Adds a field of the session after `before`, if it is known. */
static void add_field(
	char cell[CELL_SIZE], struct json_object *session, const char *key, const char *before)
{
	const char *text = field_text(session, key);

	if (text && *text)
		add(cell, "%s%.200s", *cell ? before : "", text);
}

static void add_number(
	char cell[CELL_SIZE], struct json_object *session, const char *key, const char *name)
{
	int64_t number;

	if (field_number(session, key, &number))
		add(cell, "%s%s %" PRId64, *cell ? ", " : "", name, number);
}

static void fill_time(char cell[CELL_SIZE], struct json_object *session)
{
	int64_t started = field_number_or(session, "startedUSec", 0);
	int64_t ended = field_number_or(session, "endedUSec", 0);

	if (started > 0)
		add(cell, "%s", phrase_minute(started).text);
	if (started > 0 && ended > started)
		add(cell, ", %s", phrase_duration(ended - started).text);
}

static void fill_host(char cell[CELL_SIZE], struct json_object *session)
{
	add_field(cell, session, "host", "");
}

/* The condition with that key, as reported; NULL if there is none. */
static struct json_object *find_condition(struct json_object *session, const char *key)
{
	struct json_object *conditions = field_list(session, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), key))
			return field_item(conditions, i);
	return NULL;
}

static void fill_port(char cell[CELL_SIZE], struct json_object *session)
{
	struct json_object *health = field_object(session, "health");
	struct json_object *told = find_condition(session, "hubDepth");
	struct json_object *name = find_condition(session, "portName");
	int64_t hubs, speed;

	add_field(cell, session, "port", "");
	if (name)
		add(cell, "%s%s", *cell ? ", " : "", phrase_condition(name).text);
	if (told)
		add(cell, "%s%s", *cell ? ", " : "", phrase_condition(told).text);
	else if (field_number(health, "hubDepth", &hubs) && hubs > 0)
		add(cell, "%sbehind %" PRId64 " hub%s", *cell ? ", " : "", hubs,
			hubs == 1 ? "" : "s");
	else if (field_number(health, "hubDepth", &hubs))
		add(cell, "%sno hub", *cell ? ", " : "");
	if (field_number(health, "speedMegabitsPerSecond", &speed) && speed > 0)
		add(cell, "%s%" PRId64 " Mbit/s", *cell ? ", " : "", speed);
}

static void fill_tool(char cell[CELL_SIZE], struct json_object *session)
{
	add_field(cell, session, "tool", "");
	add_field(cell, session, "toolVersion", " ");
}

static void fill_restore(char cell[CELL_SIZE], struct json_object *session)
{
	add_field(cell, session, "action", "");
	add_field(cell, session, "firmware", ", ");
	if (field_text(session, "entry"))
		add(cell, "%sfrom %s", *cell ? ", " : "",
			phrase_mode(field_text(session, "entry")));
}

/* Without the conditions in the port's column. */
static void fill_conditions(char cell[CELL_SIZE], struct json_object *session)
{
	struct json_object *conditions = field_list(session, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i);
		const char *key = field_text_or(condition, "key", "");

		if (text_equal(key, "hubDepth") || text_equal(key, "portName") ||
			(text_equal(key, "port") && field_text(session, "port")) ||
			phrase_condition_is_spare(conditions, condition))
			continue;
		add(cell, "%s%s", *cell ? ", " : "", phrase_condition(condition).text);
	}
}

static void fill_result(char cell[CELL_SIZE], struct json_object *session)
{
	add(cell, "%s", words_outcome(field_text_or(session, "outcome", "unknown")));
	add_number(cell, session, "itunesCode", "iTunes code");
	if (*phrase_errors(session).text)
		add(cell, "%s%s", *cell ? ", " : "", phrase_errors(session).text);
	add_number(cell, session, "status", "status");
	add_number(cell, session, "amrError", "AMR error");
	add_number(cell, session, "exitStatus", "exit");
}

static void fill_step(char cell[CELL_SIZE], struct json_object *session)
{
	const char *checkpoint = field_text(session, "checkpointName");
	int64_t permille;

	add(cell, "%s", phrase_step(session).text);
	if (field_number(session, "permille", &permille) && permille >= 0)
		add(cell, ", %" PRId64 " %%", permille / 10);
	if (checkpoint && *checkpoint)
		add(cell, "%scheckpoint %.100s", *cell ? ", " : "", checkpoint);
}

static void fill_link(char cell[CELL_SIZE], struct json_object *session)
{
	static const struct {
		const char *key;
		const char *one;
		const char *many;
	} counts[] = {
		{"unexpectedDetaches", "lost link", "lost links"},
		{"silences", "silence", "silences"},
		{"usbErrors", "USB error", "USB errors"},
		{"usbErrorsMasked", "masked USB error", "masked USB errors"},
		{"usbmuxdFaults", "usbmuxd fault", "usbmuxd faults"},
	};
	struct json_object *health = field_object(session, "health");

	if (!text_equal(field_text_or(health, "grade", ""), "unknown"))
		add_field(cell, health, "grade", "");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int64_t count = field_number_or(health, counts[i].key, 0);

		if (count > 0)
			add(cell, "%s%" PRId64 " %s", *cell ? ", " : "", count,
				count == 1 ? counts[i].one : counts[i].many);
	}
}

/* The columns after the first; one is shown if any attempt has a value for it. */
static const struct {
	const char *name;
	void (*fill)(char cell[CELL_SIZE], struct json_object *session);
	bool compared; /* marked if it differs from the previous attempt */
} columns[] = {
	{"Started", fill_time, false},
	{"Computer", fill_host, true},
	{"Port", fill_port, true},
	{"Conditions", fill_conditions, true},
	{"Tool", fill_tool, true},
	{"Restore", fill_restore, true},
	{"Result", fill_result, false},
	{"Last step", fill_step, true},
	{"Link", fill_link, true},
};

#define COLUMNS ARRAY_SIZE(columns)

static void find_used(const struct report *report, bool used[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		used[c] = false;
		for (size_t i = 0; i < report->attempt_count && !used[c]; i++) {
			char cell[CELL_SIZE] = "";

			columns[c].fill(cell, report->attempts[i].session);
			used[c] = cell[0] != '\0';
		}
	}
}

static void put_cell(struct html *html, const struct report *report, size_t row, size_t column)
{
	struct json_object *session = report->attempts[row].session;
	char cell[CELL_SIZE] = "", before[CELL_SIZE] = "";
	bool changed = false;

	columns[column].fill(cell, session);
	if (row > 0 && columns[column].compared) {
		columns[column].fill(before, report->attempts[row - 1].session);
		changed = *cell && *before && !text_equal(cell, before);
	}
	html_begin(html, "td", changed ? "changed" : NULL);
	html_set(html, "data-label", columns[column].name);
	if (columns[column].fill == fill_result)
		html_set(html, "data-tone",
			words_outcome_tone(field_text_or(session, "outcome", "unknown")));
	html_foreign(html, *cell ? cell : "not known");
	html_end(html);
}

static void put_rows(struct html *html, const struct report *report, const bool used[COLUMNS])
{
	for (size_t i = 0; i < report->attempt_count; i++) {
		html_begin(html, "tr", NULL);
		html_begin(html, "th", NULL);
		html_set(html, "scope", "row");
		html_put(html, "%zu", report->attempts[i].number);
		html_end(html);
		for (size_t c = 0; c < COLUMNS; c++)
			if (used[c])
				put_cell(html, report, i, c);
		html_end(html);
	}
}

void report_put_attempts(struct html *html, const struct report *report)
{
	bool used[COLUMNS];

	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "Attempts side by side");
	html_put_in(
		html, "p", "soft", "Oldest first. Marked: what differs from the attempt before.");
	if (report->attempts_left_out > 0)
		html_put_in(html, "p", "soft",
			"%zu older attempts are left out here; the verdict counts them.",
			report->attempts_left_out);
	find_used(report, used);
	html_begin(html, "table", "attempts");
	html_begin(html, "thead", NULL);
	html_begin(html, "tr", NULL);
	html_put_in(html, "th", NULL, "#");
	for (size_t c = 0; c < COLUMNS; c++)
		if (used[c])
			html_put_in(html, "th", NULL, "%s", columns[c].name);
	html_end(html);
	html_end(html);
	html_begin(html, "tbody", NULL);
	put_rows(html, report, used);
	html_end(html);
	html_end(html);
	html_end(html);
}

/* Describes a moment in one line. */
static void put_moment(struct html *html, const struct moment *moment)
{
	static const char *const names[MOMENT_KINDS] = {
		[MOMENT_USB_ERROR] = "USB error",
		[MOMENT_MUX_ERROR] = "usbmuxd error",
		[MOMENT_DETACH] = "detached, announced",
		[MOMENT_LINK_LOST] = "link lost, not announced",
		[MOMENT_CHECKPOINT] = "checkpoint failed",
		[MOMENT_LAST_WORD] = "the phone's last word",
		[MOMENT_TOOL_END] = "the tool ended with",
		[MOMENT_END] = "end of the session",
	};
	int64_t length = moment->to_us - moment->from_us;

	switch (moment->kind) {
	case MOMENT_OPERATION:
		html_foreign(html, *moment->label ? moment->label : "operation");
		html_put(html, " (%" PRId64 "), %s", moment->number, report_offset(length).text);
		return;
	case MOMENT_SILENCE:
		html_put(html, "silence of %s, %" PRId64 " s allowed: ", report_offset(length).text,
			moment->number);
		html_foreign(html, moment->label);
		return;
	case MOMENT_TRANSFER_ERROR:
		html_put(html, "%" PRId64 " failed USB transfers while the phone stayed: ",
			moment->number);
		html_foreign(html, moment->label);
		return;
	case MOMENT_TOOL_END:
		html_put(html, "%s %" PRId64, names[moment->kind], moment->number);
		return;
	default:
		break;
	}
	html_put(html, "%s%s%s", names[moment->kind],
		moment->masked ? " while the phone went away: no evidence" : "",
		*moment->label ? ": " : "");
	html_foreign(html, moment->label);
	if (moment->kind == MOMENT_LAST_WORD || moment->kind == MOMENT_CHECKPOINT)
		html_put(html, " (%" PRId64 ")", moment->number);
}

static void put_line(
	struct html *html, int64_t at_us, const struct moment *moment, enum device_mode mode)
{
	html_begin(html, "li", moment && moment->kind == MOMENT_OPERATION ? "operation" : NULL);
	html_put_in(html, "time", NULL, "%s", report_offset(at_us).text);
	html_begin(html, "span", NULL);
	if (moment)
		put_moment(html, moment);
	else
		html_put(html, "mode: %s", phrase_mode(device_mode_name(mode)));
	html_end(html);
	html_end(html);
}

/* Modes and moments in one list, by time. The phone's departure is a separate moment. */
static void put_lines(struct html *html, const struct course *course)
{
	const struct attempt *fold = &course->fold;
	size_t all = course->count + fold->mode_count;
	size_t moment = 0, mode = 0;

	html_begin(html, "ol", "course");
	for (size_t i = 0; i < all; i++) {
		bool shown =
			all <= LINES_FIRST + LINES_LAST || i < LINES_FIRST || i >= all - LINES_LAST;
		bool mode_next =
			mode < fold->mode_count &&
			(moment == course->count || (int64_t)fold->modes[mode].monotonic_us <=
							    course->moments[moment].from_us);

		if (!shown && i == LINES_FIRST)
			html_put_in(
				html, "li", "soft", "… %zu more …", all - LINES_FIRST - LINES_LAST);
		if (mode_next) {
			if (shown && fold->modes[mode].mode != MODE_GONE)
				put_line(html, (int64_t)fold->modes[mode].monotonic_us, NULL,
					fold->modes[mode].mode);
			mode++;
		} else {
			if (shown)
				put_line(html, course->moments[moment].from_us,
					&course->moments[moment], MODE_UNKNOWN);
			moment++;
		}
	}
	html_end(html);
}

static void put_caption(struct html *html, const struct report_attempt *attempt)
{
	html_begin(html, "figcaption", NULL);
	html_put_in(html, "strong", NULL, "Attempt %zu", attempt->number);
	html_put(html, ", %s, ", report_minute(attempt->session).text);
	html_begin(html, "span", "chip");
	html_set(html, "data-tone",
		words_outcome_tone(field_text_or(attempt->session, "outcome", "unknown")));
	html_put(html, "%s", words_outcome(field_text_or(attempt->session, "outcome", "unknown")));
	html_end(html);
	if (attempt->id) {
		html_put(html, " ");
		html_foreign_in(html, "code", NULL, phrase_session(attempt->id));
	}
	html_end(html);
}

static void put_course(struct html *html, const struct report_attempt *attempt)
{
	const struct course *course = &attempt->course;

	html_begin(html, "figure", NULL);
	put_caption(html, attempt);
	report_put_timeline(html, attempt);
	html_end(html);
	if (course->lost > 0)
		html_put_in(html, "p", "soft",
			"%" PRId64 " of its records are gone: the ring had no room for them.",
			course->lost);
	if (course_left_out(course) > 0)
		html_put_in(html, "p", "soft",
			"%zu more events are not drawn; idevicetriage log shows all of them.",
			course_left_out(course));
	if (course->records > 0)
		put_lines(html, course);
}

void report_put_courses(struct html *html, const struct report *report)
{
	size_t first =
		report->attempt_count > COURSES_MAX ? report->attempt_count - COURSES_MAX : 0;

	html_begin(html, "section", "courses");
	html_put_in(html, "h2", NULL, "Course of each attempt");
	if (first > 0)
		html_put_in(html, "p", "soft", "Of the newest %d attempts; %zu are left out.",
			COURSES_MAX, first + report->attempts_left_out);
	for (size_t i = first; i < report->attempt_count; i++)
		put_course(html, &report->attempts[i]);
	html_end(html);
}
