/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recognises lines of the tools with the shape of an error, whatever the text. The last of them can
 * end a log: most tools print no final message when they give up. */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/matcher.h"
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

/* How the tools say that something did not work. Since June 2025 idevicerestore prints errors on a
 * terminal without a prefix. */
static const char *const denials[] = {
	"error",
	"unable ",
	"failed",
	"could not ",
	"couldn't ",
	"can't ",
	"cannot ",
	"did not ",
	"didn't ",
	"does not contain",
	"does not match",
	"does not exist",
	"does not have unix",
	"doesn't match",
	"doesn't contain",
	"isn't ",
	"is not ",
	"unrecognized ",
	"invalid ",
	"incorrect",
	"unexpected ",
	"unknown ",
	"unsupported",
	"missing",
	"mismatch",
	"out of memory",
	"not enough ",
	"not found",
	"not initialized",
	"not implemented",
	"not being signed",
	"doesn't signed",
	"no firmwares are ",
	" is null",
	"returned null",
	"crashed",
	"disappeared",
	"gave up ",
	"size is 0",
	" has 0 ",
	"bigger than ",
	"larger than ",
	"greater than ",
	"outside the bounds",
	"out of bounds",
	"not a valid",
	"are invalid",
	" != ",
	": no data",
	"no ecid",
	"no '",
	"no fls_",
	"no version",
	"no ipsw file",
	"no local file",
	"no recoveryos",
	"no im4m",
	"neither ",
	"timeout while ",
	"locked",
	"giving up",
	"anyway",
	"refusing",
	"needs to be",
	"you need to ",
	"must not be",
	"must start",
	" requires -",
	"requires an ",
	"conflicts with",
	"not compatible",
	"deprecated!",
	"not loaded",
	"not supported",
	"requested but no",
	"has invalid",
	"incorrectly ",
	"compiled without",
	"but device was",
	"but device found",
	"but we were expecting",
	"in non-dfu",
	"zip_",
	"fopen: ",
	"fstat: ",
	"ipsw_open ",
	"fread=",
	"got only",
	"empty",
	"during sending",
	"make sure ",
	"checking for local shsh",
	"have different ",
	"expected ",
	"too small",
	"has no ",
	"server returned: ",
	"usage: ",
};

/* What stands in a message, whatever its case. */
struct shape {
	int signal; /* of a program that died; 0 = none */
	bool denies;
	const struct log_pattern *tool_sign, *phone_sign;
};

/* A text of the matcher: a death, a denial or an error of a sign, in this order. */
static const char *text_of(size_t number)
{
	size_t count;
	const struct log_pattern *errors = log_pattern_errors(&count);

	if (number < ARRAY_SIZE(deaths))
		return deaths[number].text;
	number -= ARRAY_SIZE(deaths);
	if (number < ARRAY_SIZE(denials))
		return denials[number];
	number -= ARRAY_SIZE(denials);
	return number < count ? errors[number].text : NULL;
}

static const struct matcher *shapes(void)
{
	static struct matcher matcher;

	if (matcher.count == 0)
		matcher_build(&matcher, text_of);
	return &matcher;
}

static void note_shape(void *user, size_t number, size_t at)
{
	struct shape *shape = user;
	const struct log_pattern *sign;
	size_t count;

	if (number < ARRAY_SIZE(deaths)) {
		shape->signal = deaths[number].signal;
		return;
	}
	number -= ARRAY_SIZE(deaths);
	if (number < ARRAY_SIZE(denials)) {
		shape->denies = true;
		return;
	}
	sign = &log_pattern_errors(&count)[number - ARRAY_SIZE(denials)];
	log_pattern_note(sign, &shape->tool_sign, &shape->phone_sign);
}

static char small_letter(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static struct shape shape_of(const struct toollog *log)
{
	char small[EVENT_TEXT_MAX + 1];
	struct shape shape = {0};
	size_t length = 0;

	for (; log->message[length] && length < EVENT_TEXT_MAX; length++)
		small[length] = small_letter(log->message[length]);
	matcher_run(shapes(), small, length, note_shape, &shape);
	return shape;
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

static bool is_before_start(const struct toollog *log)
{
	return log->tool_sign && log->tool_sign->before_start;
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

/* What occurs in good restores on any line is no complaint. */
static bool is_complaint(const struct toollog *log, const struct shape *shape, bool exception)
{
	if (log->tool_sign && log->tool_sign->noise)
		return false;
	return is_before_start(log) || (shape->tool_sign && shape->tool_sign->before_start) ||
	       log->severity == SEVERITY_ERROR || log->in_traceback || exception || shape->denies;
}

/* A line that comes while nothing goes on: noise, or a plist that the tool dumps. */
static bool is_filler(const struct toollog *log)
{
	return (log->tool_sign && log->tool_sign->noise) || log->message[0] == '<';
}

/* The first error is nearest to the cause, but of a traceback the last line; what a tool says only
 * before a restore begins explains more than any other; and what means nothing is only the last
 * word where there is no other. */
static bool tells_more(const struct toollog *log, bool exception)
{
	return !log->lines_after_error || log->only_noise || is_before_start(log) ||
	       (exception && log->in_traceback);
}

void toollog_complain(struct toollog *log, const char *line)
{
	log->lines_after_error = 1;
	log->only_noise = log->phone_complained = false;
	complain(log, line);
}

static void take_complaint(
	struct toollog *log, const struct shape *shape, const char *line, bool exception)
{
	bool noise;

	/* The line of a program that died has its command in it. */
	if (!log->tool_sign && !shape->signal) {
		log->tool_sign = shape->tool_sign;
		log->sign_of_error = true;
	}
	noise = log->tool_sign && log->tool_sign->noise;
	if (tells_more(log, exception) && !(noise && log->lines_after_error)) {
		complain(log, line);
		log->only_noise = noise;
	}
	log->lines_after_error = 1;
	log->phone_complained = false;
	log->in_traceback = log->in_traceback && !exception;
}

/* Another line after an error: too many of them, and it was not the last word. */
static void count_line(struct toollog *log)
{
	if (!log->lines_after_error || ++log->lines_after_error <= LINES_AFTER_ERROR_MAX)
		return;
	log->lines_after_error = 0;
	complain(log, "");
}

/* A line of a traceback before the exception that ends it: program source, which says nothing. */
static bool is_frame(struct toollog *log, const char *line, bool exception)
{
	bool begins = strstr(line, "Traceback (most recent call last)") != NULL;
	bool frame = log->in_traceback && !begins && !exception && !log->has_prefix;

	log->in_traceback = begins || (log->in_traceback && !log->has_prefix);
	return frame;
}

void toollog_read_complaint(struct toollog *log, const char *line)
{
	struct shape shape = {0};
	bool exception = is_exception(log->message);
	int64_t code;

	if (is_frame(log, line, exception)) {
		log->tool_sign = NULL;
		return;
	}
	if (log->severity != SEVERITY_LOW)
		shape = shape_of(log);
	code = shape.signal ? DIED + shape.signal : exit_code_of(log->message);
	if (code)
		toollog_emit_code(log, EVENT_REPORTED_ERROR, code, "tool-exit");
	if (code || (log->severity != SEVERITY_LOW && is_complaint(log, &shape, exception))) {
		take_complaint(log, &shape, line, exception);
	} else if (!is_filler(log)) {
		count_line(log);
	}
}

void toollog_read_phone_failure(struct toollog *log, const char *line)
{
	struct shape shape = shape_of(log);

	if (!log->phone_sign)
		log->phone_sign = shape.phone_sign;
	if (!shape.phone_sign || shape.phone_sign->noise) {
		if (log->phone_complained)
			count_line(log);
		return;
	}
	toollog_complain(log, line);
	log->phone_complained = true;
}
