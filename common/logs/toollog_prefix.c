/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text before the message of a line: times, levels, process numbers, severities, tags. Each
 * tool, version and wrapper has its own; pasted fragments have none. */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

#define SECOND_US USEC_PER_SEC
#define DAY_US (86400 * SECOND_US)
#define PREFIX_BYTES 40 /* a time is no deeper in a line than this */
#define PYTHON_TOOL "pymobiledevice3"
#define JSON_TIME "{\"time\":\"dddd-dd-ddTdd:dd:ddf\",\"level\":\""
#define JSON_CLOCK 20
#define SLOG_TIME "time=dddd-dd-ddTdd:dd:ddf_level="
#define SLOG_CLOCK 16
#define SLOG_MESSAGE "_msg="
#define JSON_MESSAGE "\",\"msg\":\""

/* The shapes of line prefixes. `d` is a digit, `w` one or more characters up to a blank, `u` a word
 * of capital letters, `f` the rest of a time, `_` one or more blanks; other characters match
 * themselves. */
static const struct {
	const char *shape;
	size_t clock; /* position of the hour */
	bool of_phone;
	const char *tool;
	enum severity severity;
	bool names_tool;    /* it is of that tool only if it contains its name */
	bool unknown_level; /* the tool is newer than this table */
} prefixes[] = {
	{"dd:dd:dd.ddd:", 0, false},	   /* iMazing, 3uTools, some wrappers */
	{"dd:dd:dd.ddd_", 0, false},	   /* idevicerestore since June 2025 */
	{"[dd:dd:dd.dddd-GMT]", 1, true},  /* the phone */
	{"[dd:dd:dd.dddd]", 1, false},	   /* Finder, Apple Devices, PurpleRestore */
	{"[dd:dd:dd.ddd][w_:_", 1, false}, /* wrappers, with the number of the process */
	{"[dd:dd:dd.ddd][d]_", 1, false, "usbmuxd"},
	{"[dd:dd:dd.ddd]", 1, false}, /* wrappers */
	{"dddd-dd-dd dd:dd:dd.ddd_[w:_", 11, false, "itunes"},
	{"dddd-dd-dd dd:dd:dd.ddd_", 11, false}, /* wrappers */
	/* Python's coloredlogs. */
	{"dddd-dd-dd dd:dd:dd_w_w_DEBUG_", 11, false, PYTHON_TOOL, SEVERITY_LOW, true},
	{"dddd-dd-dd dd:dd:dd_w_w_INFO_", 11, false, PYTHON_TOOL, SEVERITY_LOW, true},
	{"dddd-dd-dd dd:dd:dd_w_w_WARNING_", 11, false, PYTHON_TOOL, SEVERITY_LOW, true},
	{"dddd-dd-dd dd:dd:dd_w_w_ERROR_", 11, false, PYTHON_TOOL, SEVERITY_ERROR, true},
	{"dddd-dd-dd dd:dd:dd_w_w_CRITICAL_", 11, false, PYTHON_TOOL, SEVERITY_ERROR, true},
	{"dddd-dd-dd dd:dd:dd_w_w]_u_", 11, false, PYTHON_TOOL, SEVERITY_NONE, true, true},
	/* Go's slog, as go-ios uses it. */
	{JSON_TIME "DEBUG" JSON_MESSAGE, JSON_CLOCK, false, NULL, SEVERITY_LOW},
	{JSON_TIME "INFO" JSON_MESSAGE, JSON_CLOCK, false, NULL, SEVERITY_LOW},
	{JSON_TIME "WARN" JSON_MESSAGE, JSON_CLOCK, false, NULL, SEVERITY_LOW},
	{JSON_TIME "ERROR" JSON_MESSAGE, JSON_CLOCK, false, NULL, SEVERITY_ERROR},
	{SLOG_TIME "DEBUG" SLOG_MESSAGE, SLOG_CLOCK, false, NULL, SEVERITY_LOW},
	{SLOG_TIME "INFO" SLOG_MESSAGE, SLOG_CLOCK, false, NULL, SEVERITY_LOW},
	{SLOG_TIME "WARN" SLOG_MESSAGE, SLOG_CLOCK, false, NULL, SEVERITY_LOW},
	{SLOG_TIME "ERROR" SLOG_MESSAGE, SLOG_CLOCK, false, NULL, SEVERITY_ERROR},
};

/* These may follow, in this order, repeated. */
static const struct {
	const char text[16];
	enum severity severity;
} tags[] = {
	{"<Error> ", SEVERITY_ERROR},
	{"<Warning> ", SEVERITY_LOW},
	{"<Notice> ", SEVERITY_LOW},
	{"<Info> ", SEVERITY_LOW},
	{"<Verbose> ", SEVERITY_LOW},
	{"<Debug> ", SEVERITY_LOW},
	{"ERROR: ", SEVERITY_ERROR},
	{"WARNING: ", SEVERITY_LOW},
	{"NOTE: ", SEVERITY_LOW},
	{"DEBUG: ", SEVERITY_LOW},
	{"INFO: ", SEVERITY_LOW},
	{"[Error] ", SEVERITY_ERROR},
	{"[WARNING] ", SEVERITY_LOW},
	{"[INFO] ", SEVERITY_LOW},
	{"[Log] ", SEVERITY_NONE},
	{"[TSSC] ", SEVERITY_NONE},
	{"[TSSR] ", SEVERITY_NONE},
	{"[DOWN] ", SEVERITY_NONE},
	{"[IMG4TOOL] ", SEVERITY_NONE},
	{"what=", SEVERITY_ERROR},
	{"\"", SEVERITY_NONE},
	{"<string>", SEVERITY_NONE},
};

/* The number of bytes of the line that match the shape; 0 if it does not match. */
static size_t shape_length(const char *line, const char *shape)
{
	const char *at = line;

	for (; *shape; shape++) {
		size_t run;

		switch (*shape) {
		case 'd':
			if (!isdigit((unsigned char)*at))
				return 0;
			at++;
			break;
		case 'w':
			run = strcspn(at, " ");
			if (run == 0)
				return 0;
			/* The next character of the shape may be the end of the word. */
			if (shape[1] != '_' && at[run - 1] == shape[1])
				run--;
			at += run;
			break;
		case 'f':
			at += strspn(at, "0123456789.+:Z-");
			break;
		case 'u':
			for (run = 0; isupper((unsigned char)at[run]); run++)
				;
			if (run == 0)
				return 0;
			at += run;
			break;
		case '_':
			run = strspn(at, " ");
			if (run == 0)
				return 0;
			at += run;
			break;
		default:
			if (*at != *shape)
				return 0;
			at++;
		}
	}
	return (size_t)(at - line);
}

static uint64_t two_digits(const char *text)
{
	return (uint64_t)(text[0] - '0') * 10 + (uint64_t)(text[1] - '0');
}

/* Microseconds since midnight of "10:15:00.1234", with any number of decimal places. */
static uint64_t clock_of(const char *text)
{
	uint64_t us = (two_digits(text) * 3600 + two_digits(text + 3) * 60 + two_digits(text + 6)) *
		      SECOND_US;
	uint64_t digit = SECOND_US / 10;

	text += 8;
	if (*text != '.')
		return us;
	for (text++; isdigit((unsigned char)*text) && digit; text++, digit /= 10)
		us += (uint64_t)(*text - '0') * digit;
	return us;
}

/* Times have no date: a step back by half a day or more is midnight, a smaller one is a late
 * line. */
static void take_clock(struct toollog *log, uint64_t clock_us)
{
	if (!log->clock_seen) {
		log->started = log->arrival;
		log->clock_seen = true;
	} else if (clock_us >= log->clock_us) {
		log->elapsed_us += clock_us - log->clock_us;
	} else if (log->clock_us - clock_us > DAY_US / 2) {
		log->elapsed_us += DAY_US - log->clock_us + clock_us;
	} else {
		clock_us = log->clock_us;
	}
	log->clock_us = clock_us;
}

/* `clock` is the position of the hour in the line; if it is not near the start, a date of ten
 * characters precedes it. */
static void note_first_time(struct toollog *log, const char *line, size_t clock)
{
	struct toollog_time *time = &log->first_time;

	time->known = true;
	time->us = clock_of(line + clock);
	if (clock < strlen("2026-11-22 "))
		return;
	line += clock - strlen("2026-11-22 ");
	time->year = (int)(100 * two_digits(line) + two_digits(line + 2));
	time->month = (int)two_digits(line + strlen("2026-"));
	time->day = (int)two_digits(line + strlen("2026-11-"));
}

void toollog_set_time(struct toollog *log)
{
	log->at = log->arrival;
	if (!log->follow_clock || !log->clock_seen)
		return;
	log->at.monotonic_us = log->started.monotonic_us + log->elapsed_us;
	if (log->started.wall_us)
		log->at.wall_us = log->started.wall_us + log->elapsed_us;
}

/* Whether a tag may begin with this character: a fast check, because few lines have tags. */
static bool may_be_tag(char c)
{
	switch (c) {
	case ' ':
	case '"':
	case '<':
	case '[':
	case 'D':
	case 'E':
	case 'I':
	case 'N':
	case 'W':
	case 'w':
		return true;
	default:
		return false;
	}
}

/* The same for a time: each begins like "10:", "2026-", "[10:", "{\"time\"" or "time=". */
static bool may_be_time(const char *line)
{
	if (*line == '{' || *line == 't')
		return text_starts_with(line, "{\"time\"") || text_starts_with(line, "time=");
	if (*line == '[')
		return isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[2]) &&
		       line[3] == ':';
	return isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
	       (line[2] == ':' || (line[2] && line[3] && line[4] == '-'));
}

static size_t tag_length(struct toollog *log, const char *line)
{
	if (!may_be_tag(*line))
		return 0;
	if (*line == ' ')
		return strspn(line, " ");
	/* Many lines of dumps begin like tags, but with different first letters. */
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *tag = tags[i].text;

		if (line[0] == tag[0] && (line[1] == tag[1] || !tag[1]) &&
			text_starts_with(line, tag)) {
			if (tags[i].severity > log->severity)
				log->severity = tags[i].severity;
			return strlen(tag);
		}
	}
	return 0;
}

/* "<Fatal> ": a level that no known version of idevicerestore has. */
static size_t unknown_level_length(const char *line)
{
	size_t length = 1;

	if (*line != '<' || !isupper((unsigned char)line[1]))
		return 0;
	while (isalpha((unsigned char)line[length]))
		length++;
	return text_starts_with(line + length, "> ") ? length + 2 : 0;
}

static bool is_time(const char *text)
{
	return isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) &&
	       text[2] == ':' && isdigit((unsigned char)text[3]) &&
	       isdigit((unsigned char)text[4]) && text[5] == ':' &&
	       isdigit((unsigned char)text[6]) && isdigit((unsigned char)text[7]);
}

/* Whether a line without a known prefix has one all the same: a time, or a whole object of JSON. */
static bool has_unknown_prefix(const struct toollog *log, const char *line)
{
	const char *end;

	if (*line == '{')
		return line[1] == '"' && line[strlen(line) - 1] == '}';
	/* Most lines of a log with -d are of XML. */
	if (*line == '<' && !isdigit((unsigned char)line[1]))
		return false;
	end = line + strnlen(line, PREFIX_BYTES);
	for (const char *at = line; (at = memchr(at, ':', (size_t)(end - at))); at++)
		if (at >= line + 2 && is_time(at - 2))
			return !log->in_device_log && !log->phone_speaks;
	return false;
}

/* Forums and mails quote a log with "> " before each line, once per reply, or indent it. */
static const char *skip_quoting(const char *line)
{
	return line + strspn(line, "> ");
}

const char *toollog_message_of(const char *line)
{
	struct toollog log = {.follow_clock = false};

	return toollog_message(&log, line);
}

const char *toollog_message(struct toollog *log, const char *line)
{
	size_t used;

	log->tool = NULL;
	log->of_phone = log->has_prefix = false;
	log->severity = SEVERITY_NONE;
	line = skip_quoting(line);
	for (size_t i = 0; may_be_time(line) && i < ARRAY_SIZE(prefixes); i++) {
		used = shape_length(line, prefixes[i].shape);
		if (used == 0)
			continue;
		/* The phone has a different clock. */
		if (!prefixes[i].of_phone) {
			if (!log->clock_seen)
				note_first_time(log, line, prefixes[i].clock);
			take_clock(log, clock_of(line + prefixes[i].clock));
		}
		if (!prefixes[i].names_tool ||
			memmem(line, used, prefixes[i].tool, strlen(prefixes[i].tool)))
			log->tool = prefixes[i].tool;
		log->of_phone = prefixes[i].of_phone;
		log->severity = prefixes[i].severity;
		log->has_prefix = true;
		log->later_form = prefixes[i].unknown_level;
		line += used;
		break;
	}
	toollog_set_time(log);
	if (!log->has_prefix)
		log->later_form = has_unknown_prefix(log, line);
	while ((used = tag_length(log, line)) > 0)
		line += used;
	used = log->has_prefix ? unknown_level_length(line) : 0;
	log->later_form |= used > 0;
	return line + used;
}
