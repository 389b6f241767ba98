/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a phone answers, as property lists, made into what it says: clean text, bounded, in the form
 * that is recorded. Opens nothing and asks nothing. */
#pragma once

#include <plist/plist.h>

#include "phone/answer.h"

/* Bytes of one property list. Panic logs have up to some 100 KiB. */
#define PHONE_VALUES_MAX (1u << 20)

/* Reads the bytes of one answer: a dict in XML, of no great depth. Returns 0 or -EBADMSG. The
 * caller owns *ret: plist_free(). */
int phone_values_parse(const char *bytes, uint32_t length, plist_t *ret);
/* Which service answered a QueryType: PHONE_NORMAL, PHONE_RESTORE or PHONE_NONSENSE. */
enum phone_kind phone_values_kind(plist_t reply);
/* The keys that a phone in normal mode is asked for, one after the other; NULL beyond them. */
const char *phone_values_key(size_t index);
/* Reads the answer for that one. */
void phone_values_read_one(struct phone_answer *answer, size_t index, plist_t reply);
/* Read the answers of a phone in restore mode for HardwareInfo and SavedDebugInfo. */
void phone_values_read_hardware(struct phone_answer *answer, plist_t reply);
void phone_values_read_saved(struct phone_answer *answer, plist_t reply);
