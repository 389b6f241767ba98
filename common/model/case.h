/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A case: all attempts and notes of one device. It stores them and diagnoses nothing. */
#pragma once

#include <stddef.h>

#include "common/base/macro.h"
#include "common/model/attempt.h"
#include "common/model/identity.h"

#define CASE_HISTORY_MAX 64
#define HISTORY_WORD_SIZE 64

#define NOTE_REMOVAL "removal" /* kind of a note that takes another one back */
#define NOTE_HISTORY "history" /* kind of a note that is a word of the phone's history */

/* A note about a phone by a person. Texts are borrowed. */
struct note {
	struct uuid id;
	uint64_t at_us;	    /* wall clock */
	const char *kind;   /* note, history or removal */
	const char *text;   /* empty in a removal */
	struct uuid amends; /* the note that it corrects or takes back; none = none */
	const char *by;	    /* who corrects it; NULL = unknown */
	bool amended;	    /* a later note corrects it or takes it back */
};

struct triage_case {
	struct identity identity;			   /* as far as known */
	char history[CASE_HISTORY_MAX][HISTORY_WORD_SIZE]; /* liquid, drop… (words of case files) */
	size_t history_count;
	struct attempt **attempts; /* oldest first; owned */
	size_t attempt_count;
};

struct triage_case *triage_case_new(void);
struct triage_case *triage_case_free(struct triage_case *c);
DEFINE_FREEP(struct triage_case, triage_case_free)
/* Appends an empty attempt that the case owns. Returns it, or NULL when out of memory. */
struct attempt *triage_case_add(struct triage_case *c);
/* Adds a word of history once. Beyond CASE_HISTORY_MAX words, those missing from
 * knowledge/history.txt are dropped first, then the latest. */
void triage_case_add_history(struct triage_case *c, const char *word);
