/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a phone answers, as bytes, made into what it says: clean text, bounded, in the form that is
 * kept. Opens nothing and asks nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <plist/plist.h>

#include "common/triage/event.h"

#define PHONE_VALUE_SIZE 64 /* bytes with the NUL of one value */
/* Bytes of one answer. Panic logs have up to some 100 KiB. */
#define PHONE_ANSWER_MAX (1u << 20)

enum phone_kind {
	PHONE_NO_ANSWER, /* it could not be reached, or said nothing in time */
	PHONE_NONSENSE,	 /* it said what is none of this protocol */
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

/* Reads the bytes of one answer: a dict in XML, of no great depth. Returns 0 or -EBADMSG. The
 * caller owns *ret: plist_free(). */
int phone_answer_parse(const char *bytes, uint32_t length, plist_t *ret);
/* Which service answered a QueryType: PHONE_NORMAL, PHONE_RESTORE or PHONE_NONSENSE. */
enum phone_kind phone_answer_kind(plist_t reply);
/* The keys that a phone in normal mode is asked for, one after the other; NULL beyond them. */
const char *phone_answer_key(size_t index);
/* Takes the answer for that one. */
void phone_answer_take_value(struct phone_answer *answer, size_t index, plist_t reply);
/* Take the answers of a phone in restore mode for HardwareInfo and SavedDebugInfo. */
void phone_answer_take_hardware(struct phone_answer *answer, plist_t reply);
void phone_answer_take_saved(struct phone_answer *answer, plist_t reply);
