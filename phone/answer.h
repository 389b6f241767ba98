/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program that talks to phones prints, in JSON: written there, and read here by who
 * started it. Opens nothing and asks nothing.
 *   ask      one line, a struct phone_answer
 *   list     one line: {"phones": [UDID, ...]} or {"error": TEXT}
 *   reports  for each report a line, a struct phone_head, and its bytes; then the last line */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

#define PHONE_VALUE_SIZE 64		 /* bytes with the NUL of one value */
#define PHONE_ANSWER_JSON_MAX (1u << 16) /* bytes of the JSON; more is no answer */

enum phone_kind {
	PHONE_NO_ANSWER, /* it could not be reached, or said nothing in time */
	PHONE_NONSENSE,	 /* it answered outside of this protocol */
	PHONE_NORMAL,
	PHONE_RESTORE,
};

/* A text that the phone saved of its last failure: clean UTF-8 in one line. */
struct phone_text {
	char text[EVENT_TEXT_MAX + 1];
};

struct phone_answer {
	enum phone_kind kind;
	uint64_t ecid; /* 0 = not told */
	char product[PHONE_VALUE_SIZE];
	char board[PHONE_VALUE_SIZE];
	char version[PHONE_VALUE_SIZE]; /* normal mode alone */
	char build[PHONE_VALUE_SIZE];
	/* Restore mode alone; empty = it remembers none. */
	struct phone_text exit_status, usb_log, panic_log;
};

/* Returns the answer as one line of JSON, which the caller frees, or NULL when out of memory. */
char *phone_answer_write(const struct phone_answer *answer);
/* Reads that line from bytes that nobody vouches for: one object with known members of the right
 * types alone. Texts are cleaned and cut to size. Returns 0, -EBADMSG or -ENOMEM, both with *ret
 * untouched. */
int phone_answer_read(const char *bytes, size_t length, struct phone_answer *ret);

#define PHONE_LIST_MAX 64   /* phones that are listed */
#define PHONE_HEAD_MAX 1024 /* bytes of the line */
#define PHONE_REPORT_NAME_SIZE 128
#define PHONE_MESSAGE_SIZE 256

/* What stands before a report, or after all of them. */
struct phone_head {
	bool last;
	uint32_t count;	 /* of the last: how many reports there were */
	uint32_t length; /* bytes of the report that follow */
	/* Letters, digits, dots, dashes and underscores alone, and no dot at its beginning. */
	char name[PHONE_REPORT_NAME_SIZE];
	/* Of the last: what went wrong, from the verb on ("is locked."); empty = nothing. */
	char message[PHONE_MESSAGE_SIZE];
};

/* As phone_answer_write() and phone_answer_read(). */
char *phone_head_write(const struct phone_head *head);
int phone_head_read(const char *bytes, size_t length, struct phone_head *ret);
/* Whether a report may have that name. */
bool phone_report_name_ok(const char *name);
/* Gets one report, whose name is a phone_report_name_ok(). Returns false to end the reading. */
typedef bool phone_report_taken(void *user, const char *name, const char *bytes, size_t length);
