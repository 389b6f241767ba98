/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verdict in plain words, for phone owners. Tables of sentences; no decisions. */
#pragma once

#include "client/fields.h"
#include "client/phrase.h"
#include "common/diagnosis/verdict.h"

/* The word for people, and its meaning; "" for none. */
const char *words_strength_name(enum strength strength);
const char *words_strength_meaning(enum strength strength);

/* The heading of a verdict: `A part inside the phone is probably the cause`. */
struct phrase words_headline(const char *phase, enum strength strength);
/* The sentences about the meaning of a phase, from index 0; NULL after the last. */
const char *words_meaning(const char *phase, size_t index);
/* Good, bad, or neither ("open"): the class of a verdict for the style sheet. */
const char *words_tone(const char *phase);

/* An outcome in one or two words: `End not seen`. */
const char *words_outcome(const char *outcome);
const char *words_outcome_tone(const char *outcome);
/* The stage at which an attempt stopped: `while the phone was being restored`; "" if unknown. */
const char *words_stage(const char *stage);
