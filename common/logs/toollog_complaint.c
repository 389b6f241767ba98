/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recognises lines of the tools with the shape of an error, whatever the text. The last of them can
 * end a log: most tools print no final message when they give up. */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

/* Lines that a tool may print after its last error: hints, closing messages. */
#define LINES_AFTER_ERROR_MAX 8

#define DIED 128 /* a shell's exit status of a program killed by a signal: 128 plus its number */

/* The output of a shell, a C library or a wrapper about a crashed program: the texts of
 * strsignal(3), and those before SIGABRT. */
static const struct {
	const char *text;
	int signal;
} deaths[] = {
	{"segmentation fault", 11},
	{"illegal instruction", 4},
	{"floating point exception", 8},
	{"bus error", 7},
	{"aborted (core dumped)", 6},
	{"abort trap", 6},
	{"terminate called ", 6},
	{"terminating due to uncaught exception", 6},
	{"terminating with uncaught exception", 6},
	{"*** stack smashing detected ***", 6},
	{"double free or corruption", 6},
	{"malloc(): ", 6},
	{"free(): invalid ", 6},
};

/* Starts of the tools' error sentences. Since June 2025 idevicerestore prints errors on a terminal
 * without a prefix. */
static const char *const denials[] = {
	"error",
	"unable to ",
	"failed",
	"could not ",
	"couldn't ",
	"can't ",
	"cannot ",
	"did not ",
	"unrecognized ",
	"invalid option",
};

static bool has_any_case(const char *line, const char *text)
{
	return strcasestr(line, text) != NULL;
}

static int death_of(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++)
		if (has_any_case(line, deaths[i].text))
			return deaths[i].signal;
	return 0;
}

/* "pymobiledevice3.exceptions.NoDeviceConnectedError: text", the end of a Python traceback. */
static bool is_exception(const char *line)
{
	static const char *const ends[] = {"Error", "Exception", "Interrupt", "Exit"};
	size_t length = 0;

	while (isalnum((unsigned char)line[length]) || line[length] == '_' || line[length] == '.')
		length++;
	if (line[length] && line[length] != ':')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t size = strlen(ends[i]);

		if (length >= size && memcmp(line + length - size, ends[i], size) == 0)
			return true;
	}
	return false;
}

static bool denies(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(denials); i++)
		if (has_any_case(line, denials[i]))
			return true;
	return false;
}

static const struct log_pattern *pattern_of(const struct toollog *log)
{
	size_t count;

	return log->tool_sign == TOOLLOG_NONE ? NULL : &log_pattern_all(&count)[log->tool_sign];
}

static bool is_before_start(const struct toollog *log)
{
	const struct log_pattern *pattern = pattern_of(log);

	return pattern && pattern->before_start;
}

static void complain(struct toollog *log, const char *text)
{
	bool meant_something = log->meant_something;
	struct event event = toollog_event(log, EVENT_COMPLAINT);

	event_set_text(&event, text);
	event.flag = *text && is_before_start(log);
	toollog_emit(log, &event);
	/* The shape alone does not count as understanding. */
	log->meant_something = meant_something;
}

/* "Exit code: 139", from wrappers. */
static int64_t exit_code_of(const char *message)
{
	static const char begin[] = "Exit code: ";
	int64_t code = 0;

	if (text_starts_with(message, begin))
		toollog_number(message + strlen(begin), 10, "$ .", &code);
	return code;
}

static bool is_complaint(const struct toollog *log, bool exception)
{
	const struct log_pattern *pattern = pattern_of(log);

	if ((pattern && pattern->noise) || log->severity == SEVERITY_LOW)
		return false;
	if (pattern && pattern->before_start)
		return true;
	return log->severity == SEVERITY_ERROR || log->in_traceback || exception ||
	       denies(log->message);
}

void toollog_complain(struct toollog *log, const char *line)
{
	log->lines_after_error = 1;
	complain(log, line);
}

void toollog_read_complaint(struct toollog *log, const char *line)
{
	bool exception = is_exception(log->message);
	int64_t code = exit_code_of(log->message);
	int signal = death_of(line);

	if (strstr(line, "Traceback (most recent call last)"))
		log->in_traceback = true;
	if (signal)
		code = DIED + signal;
	if (code)
		toollog_emit_code(log, EVENT_REPORTED_ERROR, code, "tool-exit");
	if (code || is_complaint(log, exception)) {
		/* The first error is nearest to the cause; in a traceback it is the last line. */
		if (!log->lines_after_error || is_before_start(log) ||
			(exception && log->in_traceback))
			complain(log, line);
		log->lines_after_error = 1;
		log->in_traceback = log->in_traceback && !exception;
	} else if (log->lines_after_error && ++log->lines_after_error > LINES_AFTER_ERROR_MAX) {
		log->lines_after_error = 0;
		complain(log, "");
	}
}
