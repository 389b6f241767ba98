/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON output of idevicetriage-phone: written there, and read here by the program that started
 * it. It opens nothing and sends nothing.
 *   ask      one line, a struct phone_answer
 *   list     one line: {"phones": [UDID, ...]} or {"error": TEXT}
 *   reports  for each report a line, a struct phone_head, and its bytes; then the last line */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

#define PHONE_VALUE_SIZE 64		 /* bytes of one value with the NUL */
#define PHONE_ANSWER_JSON_MAX (1u << 16) /* bytes of the JSON; longer output is invalid */

enum phone_kind {
	PHONE_NO_ANSWER, /* the phone was unreachable or silent */
	PHONE_NONSENSE,	 /* its answer was invalid */
	PHONE_NORMAL,
	PHONE_RESTORE,
};

/* A text that the phone saved about its last failure: clean UTF-8, one line. */
struct phone_text {
	char text[EVENT_TEXT_MAX + 1];
};

struct phone_answer {
	enum phone_kind kind;
	uint64_t ecid; /* 0 = unknown */
	char product[PHONE_VALUE_SIZE];
	char board[PHONE_VALUE_SIZE];
	char version[PHONE_VALUE_SIZE]; /* only in normal mode */
	char build[PHONE_VALUE_SIZE];
	/* Only in restore mode; empty = none saved. */
	struct phone_text exit_status, usb_log, panic_log;
};

/* Returns the answer as one line of JSON, which the caller frees, or NULL when out of memory. */
char *phone_answer_write(const struct phone_answer *answer);
/* Reads that line from untrusted bytes: exactly one object with known members of the right types.
 * Texts are cleaned and truncated. Returns 0, -EBADMSG or -ENOMEM, both with *ret untouched. */
int phone_answer_read(const char *bytes, size_t length, struct phone_answer *ret);

#define PHONE_LIST_MAX 64   /* phones in the list */
#define PHONE_HEAD_MAX 1024 /* bytes of the line */
#define PHONE_REPORT_NAME_SIZE 128
#define PHONE_MESSAGE_SIZE 256

/* The line before a report, or after all of them. */
struct phone_head {
	bool last;
	uint32_t count;	 /* last line: number of reports */
	uint32_t length; /* bytes of the report that follows */
	/* Only letters, digits, dots, dashes and underscores, and no dot at the start. */
	char name[PHONE_REPORT_NAME_SIZE];
	/* Last line: the problem, from the verb on ("is locked."); empty = none. */
	char message[PHONE_MESSAGE_SIZE];
};

/* As phone_answer_write() and phone_answer_read(). */
char *phone_head_write(const struct phone_head *head);
int phone_head_read(const char *bytes, size_t length, struct phone_head *ret);
/* Whether `name` is a valid name for a report. */
bool phone_report_name_ok(const char *name);
/* Gets one report, whose name is a phone_report_name_ok(). Returns false to end the reading. */
typedef bool phone_report_taken(void *user, const char *name, const char *bytes, size_t length);
