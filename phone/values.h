/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts a phone's answers, which are property lists, into clean, bounded texts to record. It
 * opens nothing and sends nothing. */
#pragma once

#include <plist/plist.h>

#include "phone/answer.h"

/* Limit of one property list, in bytes. Panic logs have up to 100 KiB. */
#define PHONE_VALUES_MAX (1u << 20)

/* Parses the bytes of one answer: a dict in XML, with limited nesting. Returns 0 or -EBADMSG. The
 * caller owns *ret: plist_free(). */
int phone_values_parse(const char *bytes, uint32_t length, plist_t *ret);
/* The service that answered a QueryType: PHONE_NORMAL, PHONE_RESTORE or PHONE_NONSENSE. */
enum phone_kind phone_values_kind(plist_t reply);
/* The keys to query in normal mode, by index; NULL after the last. */
const char *phone_values_key(size_t index);
/* Reads the answer for the key at `index`. */
void phone_values_read_one(struct phone_answer *answer, size_t index, plist_t reply);
/* Read the answers to HardwareInfo and SavedDebugInfo in restore mode. */
void phone_values_read_hardware(struct phone_answer *answer, plist_t reply);
void phone_values_read_saved(struct phone_answer *answer, plist_t reply);
