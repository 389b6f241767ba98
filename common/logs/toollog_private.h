/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parsers of the tools. Private to common/logs/toollog*.c. */
#pragma once

#include "common/logs/log_pattern.h"
#include "common/logs/toollog.h"

#define TOOLLOG_WRAPPED_MAX 1024 /* bytes of a line of the phone that was wrapped by a console */
#define TOOLLOG_NONE SIZE_MAX

/* Reads the text after the match of a rule. `value` is the rule's. */
typedef void toollog_reader(struct toollog *log, const char *rest, int value);

struct toollog_rule {
	const char *text; /* at the start of a message, or anywhere in it */
	enum { RULE_BEGINS, RULE_WITHIN } where;
	toollog_reader *read;
	int value;
};

/* The lines of one family of logs. The first matching rule reads a line. */
struct toollog_family {
	const struct toollog_rule *rules;
	size_t count;
	bool of_phone; /* the phone's own lines, inside those of a tool */
};

extern const struct toollog_family toollog_device;
extern const struct toollog_family toollog_idevicerestore;
extern const struct toollog_family toollog_futurerestore;
extern const struct toollog_family toollog_pymobiledevice3;
extern const struct toollog_family toollog_pymobiledevice3_names;
extern const struct toollog_family toollog_apple;
extern const struct toollog_family toollog_usbmuxd;
extern const struct toollog_family toollog_3utools;
extern const struct toollog_family toollog_go_ios;

/* The severity that the tool gives a line. */
enum severity { SEVERITY_NONE, SEVERITY_LOW, SEVERITY_ERROR };

/* A number in a plist dump of the tool; its key was on the previous line. */
enum plist_key { PLIST_NONE, PLIST_AMR_ERROR, PLIST_STATUS };

struct toollog {
	event_sink *sink;
	void *user;
	struct toollog_stats stats;
	struct event log_event; /* EVENT_LOG without its text */

	/* Time. */
	bool follow_clock; /* use the times of the log, not of arrival */
	bool clock_seen;   /* the tool's lines have a clock */
	struct toollog_time first_time;
	uint64_t clock_us;    /* the last one, since midnight */
	uint64_t elapsed_us;  /* since the log's first clock */
	struct stamp started; /* arrival of the line with it */
	struct stamp arrival;
	struct stamp at; /* of the current line */

	/* The current line. */
	const char *line;
	const char *message; /* in `line`, after its prefix */
	bool of_phone;	     /* it begins like the phone's lines */
	bool has_prefix;     /* a time in a known form is before the message */
	bool later_form;     /* it begins in a form that is not known */
	const char *tool;    /* the only tool with this prefix; may be NULL */
	enum severity severity;
	bool meant_something;
	size_t rule; /* the first one found; TOOLLOG_NONE */
	/* The first signs, if it is the tool's or the phone's line; NULL = none. */
	const struct log_pattern *tool_sign, *phone_sign;
	bool sign_of_error;    /* the tool's counts only in errors */
	const char *rest;      /* after the rule's text */
	bool opens_device_log; /* the phone's own log follows it */

	/* State from earlier lines. */
	enum plist_key plist_key;
	bool in_status;	    /* in a dump of the phone's final status */
	bool in_device_log; /* lines of the phone's own log until the next line of the tool */
	int phone_step;	    /* the operation of the phone's last line, plus 1; 0 = none */
	bool phone_speaks;  /* the last line with a known writer is the phone's */
	bool cleaning_up;   /* the phone has begun to report its failure */
	bool failure_told;  /* its text has been reported */
	bool in_traceback;  /* Python's, until the exception that it ends with */
	unsigned lines_after_error; /* including the error; 0 = the restore has continued since */
	bool only_noise;	    /* that error is known to mean nothing */
	bool phone_complained;	    /* it is the phone's */
	bool at_server;		    /* the tool waits for the signing server */
	bool tool_told;
	bool tool_inferred;
	bool names_operations; /* it prints only their names: 3uTools */
	int32_t permille;      /* the last one reported */
	uint32_t operation;
	bool operation_of_tool; /* not from the phone's own log */
	bool expected;		/* the log is known to be of a tool */
	uint64_t prefixed;	/* lines of the tool with a known prefix */
	char later_line[96];	/* the first one in a later form */
	int64_t protocol;	/* of the phone's restore program; 0 = unknown */
	char firmware[NAME_SIZE];
	char wrapped[TOOLLOG_WRAPPED_MAX + EVENT_TEXT_MAX + 1];
	size_t wrapped_length;

	/* The line that is not complete yet. */
	char piece[EVENT_TEXT_MAX];
	size_t length;
	bool cut;
	bool ends_early; /* the log ends in the middle of this line */
};

/* An event of the tool at the time of the line. */
struct event toollog_event(const struct toollog *log, enum event_kind kind);
void toollog_emit(struct toollog *log, const struct event *event);
/* Emits EVENT_COMPLAINT for a line of the tool with the shape of an error, and revokes it after
 * enough other lines. */
void toollog_read_complaint(struct toollog *log, const char *line);
/* Emits it for a line of the phone that reports a failure and has a sign. */
void toollog_read_phone_failure(struct toollog *log, const char *line);
/* Emits it for a known error line. */
void toollog_complain(struct toollog *log, const char *line);
/* Events with only a name, a number, or a code with a name. */
void toollog_emit_name(struct toollog *log, enum event_kind kind, const char *name);
void toollog_emit_number(struct toollog *log, enum event_kind kind, uint32_t number);
void toollog_emit_code(struct toollog *log, enum event_kind kind, int64_t code, const char *name);
/* Emits EVENT_WAIT for the signing server: `state` is STEP_BEGIN or STEP_DONE. */
void toollog_read_signing(struct toollog *log, const char *rest, int state);
/* Emits the tool's name, once. `version` may be NULL. */
void toollog_emit_tool(struct toollog *log, const char *name, const char *version);
/* Emits the tool to which the shape of the lines belongs, once an attempt, if none names itself. */
void toollog_infer_tool(struct toollog *log, const char *name);
/* Emits a progress if it has changed. */
void toollog_emit_permille(struct toollog *log, int32_t permille);
/* The number in protocol 14 of an operation: earlier ones have one operation less. */
uint32_t toollog_adapt_operation(const struct toollog *log, uint32_t number);
/* Emits an operation by its number in protocol 14; the name may be empty. */
void toollog_emit_operation(struct toollog *log, uint32_t number, const char *name);
/* The same, from a line of the tool: more reliable than the steps in the phone's log. */
void toollog_emit_tool_operation(struct toollog *log, uint32_t number, const char *name);
/* Emits the phone's final status, with its outcome. */
void toollog_emit_status(struct toollog *log, int64_t code, const char *name);

/* Readers shared by families: `value` is what they emit. */
toollog_reader toollog_read_stage;   /* enum restore_stage */
toollog_reader toollog_read_outcome; /* enum outcome */
toollog_reader toollog_read_code;    /* a number after the text; 0 = itunes, 1 = tool-exit */

/* Reads messages of idevicerestore without a fixed text: operations, numbers in plists. Returns
 * false for other messages. */
bool toollog_read_free(struct toollog *log, const char *message);
/* Reads an operation by its name only, if the tool prints it so. Returns false for other
 * messages. */
bool toollog_read_named_operation(struct toollog *log, const char *message);
/* Reads a line of usbmuxd about a connection fault. Returns false for other lines. */
bool toollog_read_trouble(struct toollog *log, const char *message);
/* Reads a number, of base 10 (also negative) or 16 (without 0x). After it must come one of the
 * characters `ends`, or, if `ends` begins with '$', possibly the end of the line. A truncated or
 * damaged number is rejected. Returns the text after it; NULL if there is no number. */
const char *toollog_number(const char *text, int base, const char *ends, int64_t *ret);
/* The word for a mode in any tool's spelling. */
enum device_mode toollog_mode(const char *word);

/* A progress bar in a line. */
struct toollog_bar {
	const char *begin; /* of its label, if it has one */
	const char *end;   /* where the next text begins */
	char label[NAME_SIZE];
	int32_t permille; /* may be above 1000 */
};

/* Finds the first bar in a line. Returns false if there is none. */
bool toollog_find_bar(const char *line, size_t length, struct toollog_bar *ret);
/* Sets the time of a line without one: that of the line before it. */
void toollog_set_time(struct toollog *log);
/* The line without its time, level and severity; sets the time of the line if it has one. */
const char *toollog_message(struct toollog *log, const char *line);
/* Copies a foreign line as clean UTF-8 without the escapes of terminals. Returns its bytes. */
size_t toollog_clean(const char *bytes, size_t length, char out[static EVENT_TEXT_MAX + 1]);
/* Whether a text of eight bytes or more has only the letters of base64. */
bool toollog_is_base64(const char *text, size_t length);
/* Turns HTML's escapes back into characters, in place. */
void toollog_unescape(char *text);
